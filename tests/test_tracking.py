"""What W&B is given, read back from an offline run's own files."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rlaif.config import TrackingConfig, TrackingMode
from rlaif.errors import UserError
from rlaif.runs import Run
from rlaif.tracking import MAX_PAGE_BYTES, SHOWN, Tracker, table_file

SVG = '<svg xmlns="http://www.w3.org/2000/svg"><text>0.5</text></svg>'
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c020000000b4944415478da6364f80f00010501012718e3660000"
    "000049454e44ae426082"
)


def finished_stage(directory: Path) -> Run:
    """A report stage's folder as it lies there when its job is over."""
    (directory / SHOWN).mkdir(parents=True)
    (directory / "metrics.json").write_text('{"num_rows": 3}')
    (directory / SHOWN / "results.table.json").write_text(table_file(["row", "rouge_l"], [["SFT", 0.5], ["RL", None]]))
    (directory / SHOWN / "failures.svg").write_text(SVG)
    (directory / SHOWN / "judge.png").write_bytes(PNG)
    (directory / "report.html").write_text("<!DOCTYPE html><title>made up</title>")
    return Run("report", "0", directory)


def tracked(run: Run, directory: Path) -> Path:
    """The offline folder of a job that had this stage, made now or reused."""
    tracker = Tracker(TrackingConfig("offline", TrackingMode.offline), "test", {}, directory)
    tracker.finish_stage(run.stage, run)
    found = tracker.directory
    tracker.close()
    assert found is not None
    return found


def records(log: bytes) -> Iterator[bytes]:
    """The records of a .wandb file: after 7 bytes, LevelDB's log format in blocks of 32 KiB.

    A part is checksum (4), length (2), type (1: whole, 2: first, 3: middle, 4: last) and its bytes.
    """
    position, record = 7, b""
    while position + 7 <= len(log):
        if 32768 - position % 32768 < 7:  # the rest of a block is too short for a header
            position += 32768 - position % 32768
            continue
        length, kind = int.from_bytes(log[position + 4 : position + 6], "little"), log[position + 6]
        record += log[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):
            yield record
            record = b""


def logged(offline: Path) -> dict[str, Any]:
    """The last value of every key that was logged; a picture has several, as `report/judge/path`."""
    values: dict[str, Any] = {}
    for record in whole_log(offline):
        for item in record.history.item:
            values["/".join(item.nested_key)] = json.loads(item.value_json)
    return values


def whole_log(offline: Path, seconds: float = 60.0) -> list[Any]:
    """All records, the run's exit the last of them: on a busy machine W&B's writer ends after `finish` has."""
    from wandb.proto.wandb_internal_pb2 import Record

    (log,) = offline.glob("*.wandb")
    deadline = time.monotonic() + seconds
    while True:
        found = [Record.FromString(data) for data in records(log.read_bytes())]
        if any(one.WhichOneof("record_type") == "exit" for one in found):
            return found
        assert time.monotonic() < deadline, [one.WhichOneof("record_type") for one in found]
        time.sleep(0.2)


def test_what_a_stage_shows_is_in_the_offline_run(tmp_path: Path) -> None:
    offline = tracked(finished_stage(tmp_path / "stage"), tmp_path / "wandb")
    values = logged(offline)
    kinds = {"results": "table-file", "failures": "html-file", "judge": "image-file", "page": "html-file"}
    assert {name: values.get(f"report/{name}/_type") for name in kinds} == kinds, sorted(values)
    media = {name: offline / "files" / values[f"report/{name}/path"] for name in kinds}
    table = json.loads(media["results"].read_text())
    assert table == {"columns": ["row", "rouge_l"], "data": [["SFT", 0.5], ["RL", None]]}
    assert media["failures"].read_text() == SVG
    assert media["judge"].read_bytes().startswith(b"\x89PNG")
    assert "made up" in media["page"].read_text()


def test_a_long_page_stays_a_file_of_the_run(tmp_path: Path) -> None:
    run = finished_stage(tmp_path / "stage")
    (run.directory / "report.html").write_text("x" * (MAX_PAGE_BYTES + 1))
    values = logged(tracked(run, tmp_path / "wandb"))
    assert "report/results/path" in values and "report/page/path" not in values


@pytest.mark.parametrize(("setting", "said"), [({"tags": [""]}, "Tag"), ({"project": "a/b"}, "project name")])
def test_what_wandb_does_not_allow_is_one_line(tmp_path: Path, setting: dict[str, Any], said: str) -> None:
    config = TrackingConfig(name="offline", mode=TrackingMode.offline, **setting)
    with pytest.raises(UserError, match=said) as error:
        Tracker(config, "run", {}, tmp_path)
    assert "\n" not in str(error.value)


def test_nothing_is_written_where_tracking_is_off(tmp_path: Path) -> None:
    tracker = Tracker(TrackingConfig("none", TrackingMode.none), "test", {}, tmp_path / "wandb")
    tracker.finish_stage("report", finished_stage(tmp_path / "stage"))
    tracker.close()
    assert not (tmp_path / "wandb").exists()


@pytest.mark.parametrize("rows", [[], [["a", 1, None, 0.5]]])
def test_a_table_file_is_json(rows: list[list[Any]]) -> None:
    assert json.loads(table_file(["w", "x", "y", "z"], rows)) == {"columns": ["w", "x", "y", "z"], "data": rows}
