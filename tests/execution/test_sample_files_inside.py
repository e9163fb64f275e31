"""Sample files in the sandbox: there before the snippet runs, in its own directory and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from rlaif.config import Isolation
from rlaif.execution import sandbox_files as module
from rlaif.execution.classify import classify
from rlaif.execution.isolation import Contents, Limits, make_worker
from rlaif.execution.sandbox_files import sandbox_files
from rlaif.execution.worker import Worker


@pytest.fixture(scope="module")
def sandbox(isolation: Isolation) -> Iterator[Worker]:
    sandbox = make_worker(isolation, Contents(), Limits(timeout_s=5.0, memory_mb=256))
    yield sandbox
    sandbox.close()


READERS = {
    "nested": "assert open('data/notes.txt').read()",
    "sound": "import wave\nassert wave.open('clip.wav').getnframes() > 0",
    "table": "import csv\nrows = list(csv.DictReader(open('table.csv')))\nassert rows and rows[0]['feature_1']",
    "picture": "assert open('photo.jpg', 'rb').read(2) == b'\\xff\\xd8'",
}


@pytest.mark.parametrize("name", list(READERS))
def test_a_snippet_reads_what_it_names(sandbox: Worker, name: str) -> None:
    code = READERS[name]
    assert sandbox.run(code, sandbox_files(code)).report == {"passed": True}
    assert sandbox.run(code).report != {"passed": True}  # it does not stay for the next one


def test_more_than_a_pipe_holds(sandbox: Worker) -> None:
    large = os.urandom(3 << 20)
    code = "assert len(open('large', 'rb').read()) == 3 << 20\nopen('large', 'a').write('mine')"
    assert sandbox.run(code, {"large": large}).report == {"passed": True}


@pytest.mark.parametrize("path", ["../outside", "a/../../outside", "snippet.py", "a\0b", "{outside}", "x" * 300])
def test_a_file_that_cannot_be_written_is_the_sandboxs_failure(sandbox: Worker, path: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outcome = sandbox.run("x = 1", {path.replace("{outside}", str(outside)): b"content"})
    verdict = classify(outcome, {})
    assert (verdict.status, verdict.kind) == ("inconclusive", "isolation"), verdict
    assert not outside.exists()
    assert sandbox.run("import os\nassert os.listdir('.') == ['snippet.py']").report == {"passed": True}


def test_they_are_bounded_in_number_and_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "\n".join(f"open('notes{number}.txt')" for number in range(100))
    files = sandbox_files(code)
    assert 0 < len(files) <= 16
    monkeypatch.setattr(module, "MAX_BYTES", 3 * len(next(iter(files.values()))))
    assert len(sandbox_files(code)) == 3


def test_what_does_not_parse_has_none() -> None:
    assert sandbox_files("open('a.txt'") == {}
