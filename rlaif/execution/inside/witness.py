"""How the server sees for itself that a child has come to a program's end.

A child holds no secret that would prove it: what is in its memory, the program can read. Instead the child stops at
one place, the call in `sealed.announce` that follows the program, and the server looks from outside, through the
kernel, where the stopped child's main thread stands: instruction and stack pointer. A program runs in evaluation
loops further down the stack than that call, so that nothing that it calls itself, and nothing that it puts in
place of what the runner calls, can stop there. Where the place is, empty programs show when the server starts.

Linux 5.3 or later tells it, on any machine, to a parent that may trace its children; elsewhere there is no witness.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

_SEIZE, _DETACH, _GET_SYSCALL_INFO = 0x4206, 17, 0x420E
_NUM_TRIALS = 2
_TIMEOUT_S = 1.0


@dataclass(frozen=True)
class Place:
    """Where a thread stands: the addresses that its instruction and stack pointers hold."""

    instruction: int
    stack: int


class Witness:
    """Knows the one place where a child stops that has passed; ``works`` once `learn` has found it."""

    def __init__(self) -> None:
        self._place: Place | None = None
        self._seen: list[Place | None] | None = None

    @property
    def works(self) -> bool:
        return self._seen is not None or self._place is not None

    def learn(self, run_empty_program: Callable[[], object]) -> None:
        """Have empty programs run, and take the place where all of them stop. There is none if they differ."""
        if sys.platform != "linux":
            return
        seen: list[Place | None] = []
        self._seen = seen
        for _ in range(_NUM_TRIALS):
            run_empty_program()
        self._seen = None
        if len(seen) == _NUM_TRIALS and len(set(seen)) == 1:
            self._place = seen[0]

    def confirms(self, child: int) -> bool | None:
        """Whether a stopped child stands where nothing but a program's end leads; None where it cannot be seen."""
        place = find_place(child)
        if self._seen is not None:
            self._seen.append(place)
            return True
        return None if place is None else place == self._place


def find_place(child: int) -> Place | None:
    """Where the main thread of a stopped child stands; None where the kernel does not say. It stays stopped."""
    trace = _ptrace()
    if trace(_SEIZE, child, None, None) != 0:
        return None
    try:
        info = _SyscallInfo()
        if not _is_held(child) or trace(_GET_SYSCALL_INFO, child, ctypes.sizeof(info), ctypes.addressof(info)) <= 0:
            return None
        return Place(info.instruction, info.stack)
    finally:
        trace(_DETACH, child, None, None)


@functools.cache
def _ptrace() -> Callable[..., int]:
    function = ctypes.CDLL(None, use_errno=True).ptrace
    function.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    function.restype = ctypes.c_long
    return function


def _is_held(child: int) -> bool:
    """Wait until the kernel holds the child for us to look at; it may die instead."""
    deadline = time.monotonic() + _TIMEOUT_S
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < deadline:
            if os.waitid(os.P_PID, child, os.WSTOPPED | os.WNOHANG) is not None:
                return True
            time.sleep(0.0001)
    return False


class _SyscallInfo(ctypes.Structure):
    """The start of struct ptrace_syscall_info, the same on every machine."""

    _fields_ = (
        ("operation", ctypes.c_uint8),
        ("padding", ctypes.c_uint8 * 3),
        ("architecture", ctypes.c_uint32),
        ("instruction", ctypes.c_uint64),
        ("stack", ctypes.c_uint64),
    )
