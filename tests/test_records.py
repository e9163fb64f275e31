"""The JSONL form: round trips, torn lines, errors that name the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlaif.records import Answer, Evaluation, Label, RecordError, RecordLog, read_log, read_records, write_records

LABELS = [Label("a", 0.5, 8), Label('b\n\u2028"', None, 0)]


def test_round_trip(tmp_path: Path) -> None:
    write_records(tmp_path / "labels.jsonl", LABELS)
    assert read_records(tmp_path / "labels.jsonl", Label) == LABELS
    assert [path.name for path in tmp_path.iterdir()] == ["labels.jsonl"]


def test_log_drops_a_torn_last_line_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    with RecordLog(path) as log:
        log.append(*LABELS)
    with path.open("a") as file:
        file.write('{"sample_id": "c", "sco')
    assert read_log(path, Label) == LABELS
    with RecordLog(path) as log:
        log.append(Label("c", 1.0, 8))
    assert read_log(path, Label) == [*LABELS, Label("c", 1.0, 8)]


@pytest.mark.parametrize("torn", [b'{"sample_id": "c", "sco', '{"sample_id": "c\u2028é'.encode()[:-1], b"{"])
def test_a_reader_leaves_a_line_that_is_being_written_as_it_is(tmp_path: Path, torn: bytes) -> None:
    """The line may be another process's, which is about to write its end."""
    path = tmp_path / "labels.jsonl"
    with RecordLog(path) as log:
        log.append(*LABELS)
    with path.open("ab", buffering=0) as owner:
        owner.write(torn)
        before, when = path.read_bytes(), path.stat().st_mtime_ns
        path.chmod(0o444)
        assert read_log(path, Label) == LABELS
        assert (path.read_bytes(), path.stat().st_mtime_ns) == (before, when)


def test_opening_a_whole_log_to_append_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    write_records(path, LABELS)
    when = path.stat().st_mtime_ns
    RecordLog(path).close()
    assert path.stat().st_mtime_ns == when


def test_a_log_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert read_log(tmp_path / "none.jsonl", Label) == []


def test_an_error_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    write_records(path, LABELS)
    with pytest.raises(RecordError, match=r"labels\.jsonl:1: not a Answer"):
        read_records(path, Answer)


def test_an_evaluation_of_before_a_metric_was_added_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "evaluations.jsonl"
    path.write_text('{"sample_id": "s", "example_id": "e", "ast_match": true, "verdict": "pass", "failure": ""}\n')
    with pytest.raises(RecordError, match=r"evaluations\.jsonl:1: not a Evaluation: .*ast_match"):
        read_records(path, Evaluation)


@pytest.mark.parametrize("line", ['{"sample_id": ' + "1" * 5000 + "}", "[" * 100_000])
def test_json_that_python_refuses_is_a_record_error(tmp_path: Path, line: str) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(RecordError, match=r"answers\.jsonl:1: not a Answer"):
        read_records(path, Answer)
