"""The batch: order, repeats, progress, and the verdicts on disk."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from rlaif.config import Environment, ExecutionConfig, Isolation
from rlaif.errors import UserError
from rlaif.execution import Executor, Verdict, isolation
from rlaif.execution.cache import VerdictCache
from rlaif.execution.worker import Outcome

MakeConfig = Callable[..., ExecutionConfig]
PASS = Verdict("pass", "", "", None, 0.01)


@pytest.fixture
def config(make_config: MakeConfig, some_isolation: Isolation) -> ExecutionConfig:
    return make_config(some_isolation)


def test_order_and_repeats(config: ExecutionConfig, tmp_path: Path) -> None:
    codes = [None, "x = 1", "1 / 0", "x = 1", "", "import time\ntime.sleep(0.2)", "len(1)", "1 / 0"]
    progress: list[int] = []
    with Executor(config, tmp_path / "cache", tmp_path / "assets") as executor:
        verdicts = executor.run(codes, progress.append)
        kinds = [verdict.kind for verdict in verdicts]
        assert kinds == ["no_code", "", "runtime", "", "no_code", "", "type", "runtime"]
        assert verdicts[1] is verdicts[3]
        assert sum(progress) == len(codes)
        assert progress[0] == 2  # what needs no run
        assert executor.run([]) == []
    assert len((tmp_path / "cache" / "verdicts.jsonl").read_text().splitlines()) == 4


def test_second_run_starts_no_process(
    config: ExecutionConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = ["x = 1", "undefined", "open('dog.jpg')", None]
    with Executor(config, tmp_path / "cache", tmp_path / "assets") as executor:
        first = executor.run(codes)

    def refuse(*arguments: object, **options: object) -> None:
        raise OSError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with Executor(config, tmp_path / "cache", tmp_path / "assets") as executor:
        assert executor.run([codes[0], codes[1], codes[3]]) == [first[0], first[1], first[3]]
        with pytest.raises(UserError, match="cannot be isolated"):  # inconclusive: it would be run again
            executor.run(codes)


def test_timeouts_are_run_again(config: ExecutionConfig, tmp_path: Path) -> None:
    config.timeout_s = 0.3
    with Executor(config, tmp_path / "cache", tmp_path / "assets") as executor:
        assert executor.run(["while True: pass"])[0].kind == "timeout"
    assert not (tmp_path / "cache" / "verdicts.jsonl").exists()


def test_torn_line_is_passed_over_and_mended(tmp_path: Path) -> None:
    cache = VerdictCache(tmp_path, "here")
    cache.add("a", PASS)
    cache.add("b", PASS)
    path = tmp_path / "verdicts.jsonl"
    path.write_bytes(path.read_bytes()[:-30])  # a kill in the middle of the second line
    again = VerdictCache(tmp_path, "here")
    again.refresh()
    assert again.get("a") == PASS
    assert again.get("b") is None
    again.add("c", PASS)
    again.refresh()
    fresh = VerdictCache(tmp_path, "here")
    fresh.refresh()
    assert (fresh.get("a"), fresh.get("b"), fresh.get("c")) == (PASS, None, PASS)
    path.write_bytes(b"[]\n{}\nnull\n\xff\n" + path.read_bytes())
    worse = VerdictCache(tmp_path, "here")
    worse.refresh()
    assert worse.get("c") == PASS


def test_another_environment_has_its_own_verdicts(tmp_path: Path) -> None:
    VerdictCache(tmp_path, "here").add("a", PASS)
    there = VerdictCache(tmp_path, "there")
    there.refresh()
    assert there.get("a") is None


def _fill(directory: Path, name: str) -> None:
    cache = VerdictCache(directory, "here")
    for number in range(20):
        cache.add(f"{name}{number}", PASS)


def test_processes_share_a_cache(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_fill, args=(tmp_path, name)) for name in "abc"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    lines = (tmp_path / "verdicts.jsonl").read_text().splitlines()
    assert len({json.loads(line)["key"] for line in lines}) == 60


def test_none_runs_nothing(make_config: MakeConfig, tmp_path: Path) -> None:
    config = make_config(Isolation.none, environment=Environment.none)
    with Executor(config, tmp_path / "cache", tmp_path / "assets") as executor:
        verdicts = executor.run(["x = 1", None])
    assert {(verdict.status, verdict.kind) for verdict in verdicts} == {("inconclusive", "not_run")}
    assert list(tmp_path.iterdir()) == []


def test_unprotected_only_when_told_and_with_a_warning(make_config: MakeConfig, tmp_path: Path) -> None:
    config = make_config(Isolation.none, num_workers=1)
    with (
        Executor(config, tmp_path / "cache", tmp_path / "assets") as executor,
        pytest.warns(UserWarning, match="unprotected") as caught,
    ):
        assert executor.run(["x = 1", "undefined"])[1].kind == "name"
        assert executor.run(["import os\nif os.fork() == 0: undefined\nos.wait()"])[0].status == "pass"
    assert len(caught) == 1


def test_no_isolation_is_one_clear_error(
    make_config: MakeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation, "find_problem", lambda kind: "not today")
    with (
        Executor(make_config(), tmp_path / "cache", tmp_path / "assets") as executor,
        pytest.raises(UserError, match=r"landlock: not today.*install bubblewrap") as caught,
    ):
        executor.run(["x = 1"])
    assert "\n" not in str(caught.value)
    assert "execution.isolation=none" in str(caught.value)


@pytest.mark.parametrize("kind", [Isolation.landlock, Isolation.none])
def test_no_place_for_snippets_is_one_clear_error(
    make_config: MakeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Isolation
) -> None:
    """A temporary directory that is not there, not writable, or on a full disk."""
    monkeypatch.setattr(isolation.landlock, "abi", lambda: isolation.landlock.MINIMUM_ABI)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with (
        warnings.catch_warnings(),
        Executor(make_config(kind), tmp_path / "cache", tmp_path / "assets") as executor,
        pytest.raises(UserError, match="set TMPDIR") as caught,
    ):
        warnings.simplefilter("ignore", UserWarning)
        executor.run(["x = 1"])
    assert "\n" not in str(caught.value)


def test_a_kind_by_which_files_cannot_be_counted_does_not_work() -> None:
    """Where a container keeps a process from looking at its child, every snippet would seem to fill the disk."""
    problem = isolation._read_probe(Outcome(stopped="disk"))
    assert problem is not None
    assert "cannot be counted" in problem
    assert isolation._read_probe(Outcome(report={"passed": True})) is None


def test_torchhub_needs_a_database(make_config: MakeConfig, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="needs an API database"):
        Executor(make_config(environment=Environment.torchhub), tmp_path / "cache", tmp_path / "assets")


def test_a_sandbox_that_dies_is_replaced(config: ExecutionConfig, tmp_path: Path) -> None:
    config.num_workers = 1
    with Executor(config, tmp_path / "cache", tmp_path / "assets") as executor:
        assert executor.run(["x = 1"])[0].status == "pass"
        server = executor._workers[0]._process
        assert server is not None
        server.kill()
        server.wait()
        assert executor.run(["x = 2"])[0].status == "pass"
