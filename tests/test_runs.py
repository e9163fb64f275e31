"""Addresses, locks, resumption: nothing is lost and nothing is made twice."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest
from filelock import FileLock

from rlaif import runs
from rlaif.errors import UserError


def test_fingerprint_depends_on_content_not_on_order() -> None:
    assert runs.fingerprint({"a": 1, "b": [2]}) == runs.fingerprint({"b": [2], "a": 1})
    assert runs.fingerprint({"a": 1}) != runs.fingerprint({"a": 2})
    assert runs.fingerprint({"seed": 0}) != runs.fingerprint({"seed": None})


def test_a_result_is_found_under_whatever_name_it_was_made(tmp_path: Path) -> None:
    with runs.claim(tmp_path, "sft", "first", "abc") as run:
        finish(run)
    found = runs.find(tmp_path, "sft", "second", "abc")
    assert found.done
    assert found.directory.name == "first-abc"
    assert found.metrics == {"loss": 0.5}


def test_done_is_written_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    write = runs.write_atomic
    monkeypatch.setattr(runs, "write_atomic", lambda path, text: (written.append(path.name), write(path, text)))
    with runs.claim(tmp_path, "sft", "name", "abc") as run:
        start(run)
        assert not run.done
        run.finish({"loss": 0.5})
    assert written == ["provenance.json", "metrics.json", "provenance.json", "DONE"]
    assert json.loads((run.directory / "provenance.json").read_text())["finished"]


def test_rewind_forgets_later_steps_and_a_torn_line(tmp_path: Path) -> None:
    run = runs.Run("sft", "abc", tmp_path)
    for step in (10, 20, 30):
        run.log(step, {"loss": step / 10})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 40, "lo')
    run.rewind(20)
    assert run.history() == [{"step": 10, "loss": 1.0}, {"step": 20, "loss": 2.0}]


def test_reading_the_steps_of_a_run_that_goes_on_changes_nothing(tmp_path: Path) -> None:
    run = runs.Run("sft", "abc", tmp_path)
    run.log(10, {"loss": 1.0})
    with (tmp_path / "metrics.jsonl").open("ab", buffering=0) as owner:
        owner.write(b'{"step": 20, "lo')
        assert run.history() == [{"step": 10, "loss": 1.0}]
        owner.write(b'ss": 2.0}\n')
    assert run.history() == [{"step": 10, "loss": 1.0}, {"step": 20, "loss": 2.0}]


def test_a_finished_result_is_read_while_its_lock_is_held(tmp_path: Path) -> None:
    with runs.claim(tmp_path, "sft", "first", "abc") as run:
        finish(run)
    with held(tmp_path):
        waited: list[bool] = []
        with runs.claim(tmp_path, "sft", "second", "abc", lambda: waited.append(True)) as run:
            assert run.done and run.directory.name == "first-abc"
    assert not waited


def test_waiting_ends_when_the_result_is_there(tmp_path: Path) -> None:
    """Whoever made it may be slow to let go of its lock."""
    made = runs.Run("sft", "abc", tmp_path / "sft" / "first-abc")
    made.directory.mkdir(parents=True)
    with held(tmp_path), runs.claim(tmp_path, "sft", "second", "abc", lambda: finish(made)) as run:
        assert run.done and run.directory == made.directory


def test_of_two_directories_the_finished_one_is_the_result(tmp_path: Path) -> None:
    (tmp_path / "sft" / "a-abc").mkdir(parents=True)
    (tmp_path / "sft" / "b-abc").mkdir()
    (tmp_path / "sft" / "b-abc" / "DONE").touch()
    assert runs.find(tmp_path, "sft", "c", "abc").directory.name == "b-abc"


def test_a_second_claim_waits_for_the_first(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    holder = context.Process(target=hold, args=(tmp_path, 60.0))
    holder.start()
    try:
        wait_for(tmp_path / "held")
        waited = []

        def on_wait() -> None:
            waited.append(True)
            os.kill(holder.pid or 0, signal.SIGKILL)  # a killed job frees its run

        with runs.claim(tmp_path, "sft", "name", "abc", on_wait) as run:
            assert not run.done
        assert waited == [True]
    finally:
        holder.kill()
        holder.join()


def test_a_directory_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file in the way")
    with pytest.raises(UserError, match="runs_dir"), runs.claim(tmp_path / "runs", "sft", "name", "abc"):
        pass


def test_provenance_holds_no_path(tmp_path: Path) -> None:
    text = json.dumps(runs.provenance({"data": runs.Run("data", "x", tmp_path / "mini-x")}, "digest"))
    assert str(tmp_path) not in text
    assert str(Path.home()) not in text
    assert '"data": "mini-x"' in text


def held(directory: Path) -> FileLock:
    """The lock of the run at "abc", as another job holds it."""
    (directory / "sft" / ".locks").mkdir(parents=True, exist_ok=True)
    return FileLock(directory / "sft" / ".locks" / "abc.lock")


def start(run: runs.Run) -> None:
    runs.write_atomic(run.directory / "provenance.json", json.dumps(runs.provenance({}, None)))


def finish(run: runs.Run) -> None:
    start(run)
    run.finish({"loss": 0.5})


def hold(directory: Path, seconds: float) -> None:
    with runs.claim(directory, "sft", "name", "abc"):
        (directory / "held").touch()
        time.sleep(seconds)


def wait_for(path: Path, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.02)
