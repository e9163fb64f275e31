"""Sandboxes that die or hang while a snippet runs in them: replaced, and the snippet tried once more."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rlaif.config import ExecutionConfig, Isolation
from rlaif.execution import Executor, worker
from rlaif.execution.classify import classify
from rlaif.execution.isolation import Contents, Limits, make_worker
from rlaif.execution.worker import Launch, SandboxError, Worker

SLOW = "import time\ntime.sleep(0.7)"


class Accident:
    """Sends a signal to a worker's server a moment after each of its next snippets has been sent."""

    def __init__(self, worker: Worker, signal_number: int, times: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.num_started, self._left, self._signal = 0, times, signal_number
        send, start = worker._send, worker._start

        def send_and_wound(message: dict[str, str]) -> None:
            send(message)
            if self._left > 0:
                self._left -= 1
                assert worker._process is not None
                threading.Timer(0.2, os.kill, (worker._process.pid, self._signal)).start()

        def count_and_start() -> None:
            self.num_started += 1
            start()

        monkeypatch.setattr(worker, "_send", send_and_wound)
        monkeypatch.setattr(worker, "_start", count_and_start)


@pytest.fixture
def sandbox(some_isolation: Isolation) -> Iterator[Worker]:
    sandbox = make_worker(some_isolation, Contents(), Limits(timeout_s=3.0, memory_mb=256))
    yield sandbox
    sandbox.close()


def test_a_snippet_whose_sandbox_is_killed_is_tried_again(sandbox: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    accident = Accident(sandbox, signal.SIGKILL, 1, monkeypatch)
    outcome = sandbox.run(SLOW)
    assert outcome.report == {"passed": True}
    assert accident.num_started == 2


def test_tried_again_once_only(sandbox: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    accident = Accident(sandbox, signal.SIGKILL, 2, monkeypatch)
    outcome = sandbox.run(SLOW)
    assert (outcome.report, bool(outcome.failure)) == (None, True)
    assert accident.num_started == 2
    assert sandbox.run("x = 1").report == {"passed": True}


def test_a_hung_sandbox_is_replaced(
    make_config: Callable[..., ExecutionConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "GRACE_S", 0.5)
    # A process of its own is the server itself, which stopping it therefore makes silent.
    sandbox = make_worker(Isolation.none, Contents(), Limits(timeout_s=1.5, memory_mb=256))
    try:
        accident = Accident(sandbox, signal.SIGSTOP, 1, monkeypatch)
        started = time.monotonic()
        assert sandbox.run(SLOW).report == {"passed": True}
        assert accident.num_started == 2
        assert 2.0 < time.monotonic() - started < 20.0
    finally:
        sandbox.close()


def test_a_sandbox_that_was_told_to_end_is_not_replaced(sandbox: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    accident = Accident(sandbox, signal.SIGKILL, 0, monkeypatch)
    threading.Timer(0.5, sandbox.interrupt).start()
    outcome = sandbox.run("import time\ntime.sleep(2.5)")
    assert outcome.report is None
    assert accident.num_started <= 1


def test_none_is_lost_or_counted_twice(
    make_config: Callable[..., ExecutionConfig],
    some_isolation: Isolation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of what each server is sent, every fourth kills it; yet every snippet gets one verdict, its own."""
    codes = [f"import time\ntime.sleep(0.3)\nassert {number} % 3, 'told: {number}'" for number in range(16)]
    progress: list[int] = []
    sent: Counter[int] = Counter()
    send = Worker._send

    def send_and_kill(worker: Worker, message: dict[str, str]) -> None:
        send(worker, message)
        sent[id(worker)] += 1
        if sent[id(worker)] % 4 == 0:
            assert worker._process is not None
            worker._process.kill()

    monkeypatch.setattr(Worker, "_send", send_and_kill)
    with Executor(make_config(some_isolation, timeout_s=5.0), tmp_path / "cache", tmp_path / "assets") as executor:
        verdicts = executor.run(codes, progress.append)
    assert sent.total() >= len(codes) + len(codes) // 5  # that many were sent again
    assert sum(progress) == len(verdicts) == len(codes)
    expected = [("pass", "") if number % 3 else ("fault", f"told: {number}") for number in range(len(codes))]
    assert [(verdict.status, verdict.message.removeprefix("AssertionError: ")) for verdict in verdicts] == expected
    lines = (tmp_path / "cache" / "verdicts.jsonl").read_text().splitlines()
    assert len({json.loads(line)["key"] for line in lines}) == len(lines) == len(codes)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_no_process_of_a_sandbox_has_the_trainers_variables(
    isolation: Isolation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """bubblewrap's own processes too: its process 1 keeps the environment that it was started with."""
    monkeypatch.setenv("WANDB_API_KEY", "hunter2-of-the-environment")
    sandbox = make_worker(isolation, Contents(), Limits(3.0, 256))
    try:
        assert sandbox.run("x = 1").report == {"passed": True}
        process = sandbox._process
        assert process is not None
        family = descendants(process)
        assert len(family) >= (2 if isolation is Isolation.bubblewrap else 1)
        for pid in family:
            environ = Path(f"/proc/{pid}/environ").read_bytes()
            assert b"hunter2" not in environ
            names = {entry.split(b"=")[0].decode() for entry in environ.split(b"\0") if entry}
            assert names <= {*sandbox._launch.environment, "PWD"}
    finally:
        sandbox.close()


def test_a_snippet_that_the_system_kills_is_no_fault(sandbox: Worker) -> None:
    """As where the machine is out of memory."""
    assert sandbox.run("x = 1").report == {"passed": True}
    process = sandbox._process
    assert process is not None
    before = set(descendants(process))

    def kill() -> None:
        for pid in set(descendants(process)) - before:
            os.kill(pid, signal.SIGKILL)

    threading.Timer(0.4, kill).start()
    outcome = sandbox.run("import time\ntime.sleep(2.5)")
    verdict = classify(outcome, {})
    assert (verdict.status, verdict.kind, outcome.seconds < 1.5) == ("inconclusive", "memory", True), outcome


def test_no_room_for_the_program_itself_is_no_fault(isolation: Isolation) -> None:
    sandbox = make_worker(isolation, Contents(), Limits(timeout_s=3.0, memory_mb=256, disk_mb=1))
    try:
        verdict = classify(sandbox.run("# " + "long " * (1 << 19)), {})
        assert (verdict.status, verdict.kind) == ("inconclusive", "isolation"), verdict
        assert sandbox.run("x = 1").report == {"passed": True}
    finally:
        sandbox.close()


def test_a_sandbox_that_cannot_be_started_says_why(tmp_path: Path) -> None:
    sandbox = Worker(Launch((str(tmp_path / "no-such-program"),), {}, None), 1.0)
    with pytest.raises(SandboxError, match="no-such-program"):
        sandbox.run("x = 1")


def descendants(process: subprocess.Popen[bytes]) -> list[int]:
    found = [process.pid]
    for pid in found:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        found += [int(child) for child in children]
    return found
