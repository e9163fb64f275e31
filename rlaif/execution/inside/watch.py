"""The server's eye on a child: how long it may run, and what it may take."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable

from .runner import MAX_REPORT_BYTES

MAX_WORKSPACE_BYTES = 256 << 20
ANNOUNCED = b"+"
"""What a child writes that stops at the end of its program, to be looked at."""
_TICK_S = 0.05
_GLANCES, _GLANCE_S = 50, 0.00005


class Watch:
    """Waits for a child, and ends it where it takes too long or too much, or where nobody waits for it."""

    def __init__(
        self,
        child: int,
        report: int,
        deadline: float,
        disk_bytes: Callable[[], float],
        jobs: int,
        confirms: Callable[[int], bool],
    ) -> None:
        self.child = child
        self.deadline = deadline
        self._disk_bytes = disk_bytes
        self.report = b""
        self.stopped = ""
        self.has_passed: bool | None = None
        """Whether it has, where it has announced that and was looked at."""
        self._confirms = confirms
        self._has_announced = False
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
        return os.waitpid(self.child, 0)[1]

    def _has_ended(self) -> bool:
        """Ended, but not yet reaped, so that its id still is its own."""
        return os.waitid(os.P_PID, self.child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _is_at_the_end(self) -> bool:
        """Whether it has announced that it has passed, and stands still; then ``has_passed`` says if it has."""
        if not self._has_announced:
            return False
        for _ in range(_GLANCES):
            with contextlib.suppress(ChildProcessError):  # it has ended instead
                if os.waitid(os.P_PID, self.child, os.WSTOPPED | os.WNOHANG) is not None:
                    self.has_passed = self._confirms(self.child)
                    return True
            time.sleep(_GLANCE_S)
        return False

    def _wait(self) -> bool:
        """Wait for news, for a tick at most; whether the parent is still there."""
        for descriptor, events in self._poll.poll(_TICK_S * 1000):
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
            self._has_announced |= ANNOUNCED in new

    def _reason_to_stop(self, has_parent: bool) -> str:
        if not has_parent:
            return "abandoned"
        if time.monotonic() > self.deadline:
            return "timeout"
        if self._disk_bytes() > MAX_WORKSPACE_BYTES:
            return "disk"
        return ""
