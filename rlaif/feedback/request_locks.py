"""Which process is asking what, so that no two jobs of a sweep pay for the same request.

A claim is a lock on one byte of one file, at a place that the request's key names. It belongs to the open file, so
the system frees it when its process ends, however that ends: a killed job's claims need no cleaning up.
"""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path

from rlaif.errors import UserError

FLOCK = struct.Struct("hhqqixxxx")
"""Linux' `struct flock` on 64-bit machines: type, whence, start, length, pid."""
SET_LOCK = getattr(fcntl, "F_OFD_SETLK", None)
"""Locks that belong to the open file, not to the process: two stores in one process exclude each other too."""


class RequestLocks:
    """The claims of one open store on requests by key, as locks."""

    def __init__(self, directory: Path) -> None:
        path = directory / "claims.lock"
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}") from None
        self._num_own = 0

    def take(self, key: str) -> bool:
        """Whether the claim is ours; False where another job holds it."""
        try:
            self._lock(key, fcntl.F_WRLCK)
        except BlockingIOError:
            return False
        except PermissionError:  # what POSIX locks say on some systems
            return False
        return True

    def free(self, key: str) -> None:
        self._lock(key, fcntl.F_UNLCK)

    def note_answer(self) -> None:
        """Say to the other jobs that an answer was written: one byte more in the file."""
        os.write(self._descriptor, b".")
        self._num_own += 1

    @property
    def num_by_others(self) -> int:
        """Answers that other jobs have written: a cheap way to know when there is something to read."""
        return os.fstat(self._descriptor).st_size - self._num_own

    def close(self) -> None:
        """Free all."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _lock(self, key: str, kind: int) -> None:
        place = int(key[:15], 16)
        if SET_LOCK is not None:
            fcntl.fcntl(self._descriptor, SET_LOCK, FLOCK.pack(kind, os.SEEK_SET, place, 1, 0))
        elif kind == fcntl.F_UNLCK:
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, place)
        else:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
