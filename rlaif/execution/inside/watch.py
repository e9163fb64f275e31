"""The server's eye on a child: how long it may run, and what it may take."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections import deque
from collections.abc import Callable

from .disk import DiskUse
from .runner import MAX_REPORT_BYTES
from .stopping import GROWTH_WINDOW_S, Bounds, Reading, needs_readings, reason_to_stop
from .usage import Usage

ANNOUNCED = b"+"
"""What a child writes that stops at the end of its program, to be looked at."""
_TICK_S = 0.05
_HASTY_TICK_S = 0.01
"""While a snippet fills its disk: what it can write between two looks goes past the bound."""
_HASTY_FROM = 0.25
_GLANCES, _GLANCE_S = 50, 0.00005


class Watch:
    """Waits for a child, and ends it where it takes too long or too much, or where nobody waits for it.

    Args:
        child: forked at ``started`` (of `time.monotonic`), leader of its own group.
        report: the descriptor that it reports to.
        jobs: a descriptor whose other end is the parent's.
        confirms: whether a child that stands still, and has announced that it has passed, has.
    """

    def __init__(
        self,
        child: int,
        started: float,
        bounds: Bounds,
        usage: Usage,
        disk: DiskUse,
        report: int,
        jobs: int,
        confirms: Callable[[int], bool | None] | None,
    ) -> None:
        self.child = child
        self.report = b""
        self.stopped = ""
        self.has_passed: bool | None = None
        """Whether it has, where it has announced that and could be looked at."""
        self._confirms = confirms
        self._has_announced = False
        self.cpu_s = self.most_on_disk = 0.0
        self._started, self._bounds, self._usage, self._disk = started, bounds, usage, disk
        self._readings: deque[Reading] = deque()
        self._tick_s = _TICK_S
        self._descriptor = report
        self._poll = select.poll()
        self._poll.register(report, select.POLLIN)
        self._poll.register(jobs, 0)  # reports only that the other end is gone
        self._jobs = jobs

    def until_the_end(self) -> int:
        """The child's wait status. ``stopped`` then says why it was killed, if it was."""
        while not self.stopped and not self._has_ended() and not self._is_at_the_end():
            self.stopped = self._reason_to_stop(self._wait())
        self._collect()
        for kill in (os.kill, os.killpg):  # the group too: without isolation a snippet may have forked
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(self.child, signal.SIGKILL)
        _, status, used = os.wait4(self.child, 0)
        self.cpu_s = used.ru_utime + used.ru_stime
        return status

    def _has_ended(self) -> bool:
        """Ended, but not yet reaped, so that its id still is its own."""
        return os.waitid(os.P_PID, self.child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _is_at_the_end(self) -> bool:
        """Whether it has announced that it has passed, and stands still; then ``has_passed`` says if it has."""
        if not self._has_announced or self._confirms is None:
            return False
        for _ in range(_GLANCES):
            try:
                stands_still = os.waitid(os.P_PID, self.child, os.WSTOPPED | os.WNOHANG) is not None
            except ChildProcessError:  # it has ended instead
                return False
            if stands_still:
                self.has_passed = self._confirms(self.child)
                return True
            time.sleep(_GLANCE_S)
        return False

    def _wait(self) -> bool:
        """Wait for news, for a tick at most; whether the parent is still there."""
        for descriptor, events in self._poll.poll(self._tick_s * 1000):
            if descriptor == self._jobs:
                return False
            if events & select.POLLIN:
                self._collect()
            else:  # closed: the child is ending, or wants it to look so
                time.sleep(0.0005)
        return True

    def _collect(self) -> None:
        with contextlib.suppress(BlockingIOError):
            new = os.read(self._descriptor, MAX_REPORT_BYTES)
            self.report += new[: MAX_REPORT_BYTES - len(self.report)]
            self._has_announced |= new.startswith(ANNOUNCED) or new.endswith(ANNOUNCED)

    def _reason_to_stop(self, has_parent: bool) -> str:
        if not has_parent:
            return "abandoned"
        clock_s, disk_bytes = time.monotonic() - self._started, self._disk.bytes_used()
        self.most_on_disk = max(self.most_on_disk, disk_bytes)
        self._tick_s = _HASTY_TICK_S if disk_bytes > _HASTY_FROM * self._bounds.disk_bytes else _TICK_S
        if not needs_readings(clock_s, self._bounds):
            return reason_to_stop(None, Reading(clock_s, None, None, None, disk_bytes), self._bounds)
        usage = self._usage
        now = Reading(clock_s, usage.cpu_s(), usage.waited_s(), usage.memory_bytes(), disk_bytes)
        self._readings.append(now)
        while clock_s - self._readings[0].clock_s > GROWTH_WINDOW_S:
            self._readings.popleft()
        return reason_to_stop(self._readings[0], now, self._bounds)
