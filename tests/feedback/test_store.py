"""The label store keeps what it took: through kills, torn lines, and several processes at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rlaif.errors import UserError
from rlaif.feedback.store import LabelStore, answer_key
from rlaif.records import Answer

WRITER = """
import sys
from pathlib import Path
from rlaif.feedback.store import LabelStore
from rlaif.records import Answer

store = LabelStore(Path(sys.argv[1]))
for number in range(int(sys.argv[3])):
    store.append(f"{sys.argv[2]}-{number}", Answer(f"s{number}", "q", 1.0, "judge", "text", "é" * 50))
    print(number, flush=True)
"""


def answer(p_yes: float | None = 1.0) -> Answer:
    return Answer("s1", "q1", p_yes, "judge", "text", 'said "yes"\n', "" if p_yes is not None else "unreadable")


def start_writer(directory: Path, prefix: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(directory), prefix, str(count)]
    root = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PYTHONPATH": root}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def test_answers_come_back(tmp_path: Path) -> None:
    with LabelStore(tmp_path / "labels") as store:
        store.append("a", answer())
        store.append("b", answer(None))
        assert store.get("a") == answer()
    with LabelStore(tmp_path / "labels") as again:
        assert (again.get("a"), again.get("b"), again.get("c")) == (answer(), answer(None), None)
        assert len(again) == 2


def test_a_torn_last_line_is_passed_over_and_does_not_harm_later_ones(tmp_path: Path) -> None:
    with LabelStore(tmp_path) as store:
        store.append("a", answer())
        store.append("b", answer())
    (path,) = tmp_path.glob("*.jsonl")
    path.write_bytes(path.read_bytes()[:-5])
    with LabelStore(tmp_path) as again:
        assert (again.get("a"), again.get("b")) == (answer(), None)
        again.append("b", answer(0.5))
    with LabelStore(tmp_path) as third:
        assert third.get("b") == answer(0.5)


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"key": "a"}\n')
    with pytest.raises(UserError, match=r"x\.jsonl:1: not an answer"):
        LabelStore(tmp_path)


def test_kill_9_loses_no_acknowledged_answer(tmp_path: Path) -> None:
    writer = start_writer(tmp_path, "k", 10**6)
    assert writer.stdout is not None
    acknowledged = [int(next(writer.stdout)) for _ in range(300)]
    os.kill(writer.pid, signal.SIGKILL)
    acknowledged += [int(line) for line in writer.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    writer.wait()
    store = LabelStore(tmp_path)
    assert len(acknowledged) >= 300
    assert [number for number in acknowledged if store.get(f"k-{number}") is None] == []
    assert len(store) - len(acknowledged) in (0, 1)  # stored, and killed before it could say so


def test_two_processes_at_once_do_not_harm_each_other(tmp_path: Path) -> None:
    writers = [start_writer(tmp_path, name, 400) for name in ("a", "b")]
    for writer in writers:
        writer.communicate()
    store = LabelStore(tmp_path)
    assert [store.get(f"{name}-{number}") is None for name in ("a", "b") for number in range(400)].count(True) == 0
    assert len(store) == 800


def test_keys_differ_with_all_that_decides_an_answer() -> None:
    base = answer_key({"model": "m", "version": 1}, {"user": "x"})
    assert base == answer_key({"version": 1, "model": "m"}, {"user": "x"})
    assert base != answer_key({"model": "m", "version": 2}, {"user": "x"})
    assert base != answer_key({"model": "m", "version": 1}, {"user": "y"})


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LabelStore(tmp_path)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(UserError, match="No space left on device; 0 answers are kept"):
        store.append("a", answer())
    assert store.get("a") is None
