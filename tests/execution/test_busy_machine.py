"""Time limits on a machine that is busy with others: what a program gets of it decides, not the clock."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rlaif.config import Isolation
from rlaif.execution.classify import classify
from rlaif.execution.isolation import Contents, Limits, make_worker
from rlaif.execution.verdict import Verdict
from rlaif.execution.worker import Worker

pytestmark = pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="waiting is not known here")

LIMIT_S = 0.8
NUM_BUSY = 2
BUSY = "import os, time\nend = time.time() + 60\nwhile time.time() < end and os.getppid() == {parent}: pass"
WORK = "import time\nwhile time.process_time() < {seconds}: pass"


@pytest.fixture
def busy_core() -> Iterator[None]:
    """This process, and all that it starts, on one core, which others keep busy; a snippet gets a third of it."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    command = [sys.executable, "-c", BUSY.format(parent=os.getpid())]
    busy = [subprocess.Popen(command) for _ in range(NUM_BUSY)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()
        os.sched_setaffinity(0, allowed)


@pytest.fixture
def sandbox(isolation: Isolation) -> Iterator[Worker]:
    sandbox = make_worker(isolation, Contents(), Limits(LIMIT_S, memory_mb=256))
    sandbox.run("x = 1")
    yield sandbox
    sandbox.close()


def verdict_on(sandbox: Worker, code: str) -> Verdict:
    return classify(sandbox.run(code), {})


def test_an_honest_program_is_given_the_time_that_it_waits(busy_core: None, sandbox: Worker) -> None:
    started = time.monotonic()
    verdict = verdict_on(sandbox, WORK.format(seconds=0.75 * LIMIT_S))
    assert time.monotonic() - started > LIMIT_S  # or the machine was not busy, and nothing is shown
    assert verdict.status == "pass", verdict


def test_a_program_that_sleeps_is_not(busy_core: None, sandbox: Worker) -> None:
    started = time.monotonic()
    verdict = verdict_on(sandbox, "import time\ntime.sleep(30)")
    assert (verdict.status, verdict.kind) == ("fault", "timeout"), verdict
    assert time.monotonic() - started < 1.6 * LIMIT_S


def test_a_memory_bomb_goes_off(busy_core: None, sandbox: Worker) -> None:
    """It needs most of its time for it."""
    bomb = (
        "import time\nkept = []\nwhile True:\n    kept.append(bytearray(8 << 20))\n"
        f"    while time.process_time() < len(kept) * {0.6 * LIMIT_S / 32}: pass"
    )
    verdict = verdict_on(sandbox, bomb)
    assert (verdict.status, verdict.kind) == ("inconclusive", "memory"), verdict


def test_a_memory_bomb_that_is_too_slow_is_no_timeout(sandbox: Worker) -> None:
    """It has two thirds of its memory at the end of its time, and still takes more."""
    bomb = f"import time\nkept = []\nwhile True:\n    kept.append(bytearray(1 << 20))\n    time.sleep({LIMIT_S / 170})"
    verdict = verdict_on(sandbox, bomb)
    assert (verdict.status, verdict.kind) == ("inconclusive", "memory"), verdict


def test_a_disk_bomb_that_is_too_slow_is_no_timeout(isolation: Isolation) -> None:
    sandbox = make_worker(isolation, Contents(), Limits(LIMIT_S, memory_mb=256, disk_mb=16))
    bomb = (
        "import itertools, time\nfor n in itertools.count():\n"
        f"    with open(f'{{n}}', 'wb') as file: file.write(bytes(64 << 10))\n    time.sleep({LIMIT_S / 170})"
    )
    try:
        outcome = sandbox.run(bomb)
    finally:
        sandbox.close()
    verdict = classify(outcome, {})
    assert (outcome.stopped, verdict.status, verdict.kind) == ("disk", "inconclusive", "resource"), outcome
    assert outcome.seconds > LIMIT_S


def test_an_endless_loop_and_a_sleep_are_late_after_their_time(sandbox: Worker) -> None:
    for code in ("while True: pass", "import time\ntime.sleep(30)", "x = bytearray(200 << 20)\nwhile True: pass"):
        verdict = verdict_on(sandbox, code)
        assert (verdict.status, verdict.kind) == ("fault", "timeout"), verdict


def test_many_threads_are_late_together(sandbox: Worker) -> None:
    """Those wait for each other, on as many cores as there are: what all have used counts."""
    code = (
        "import hashlib, threading\n"
        "def burn():\n    data = bytes(1 << 20)\n    while True: hashlib.sha256(data)\n"
        "for _ in range(2): threading.Thread(target=burn).start()\nburn()"
    )
    verdict = verdict_on(sandbox, code)
    assert (verdict.status, verdict.kind) == ("fault", "timeout"), verdict
