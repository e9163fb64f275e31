"""The system calls that a snippet does not get, as a seccomp filter for x86-64 and aarch64.

The list denies; what it leaves is what one process needs to compute and to use its own
files. A snippet is one process with threads, and stays one: no fork, no exec. So killing
it by its id ends all of it, and there are no process bombs and no daemons.

The descriptor that the report goes to can be neither closed nor replaced, so that the report
ends where it should whatever the snippet does to its descriptors.

Calls that only change a file's mode, owner, times or attributes pretend to succeed:
Landlock cannot confine them, and honest code (`shutil.copy`, archives) makes them in passing.
Calls that only read a file's attributes, or set its blocks aside, are not supported, as on
many a file system; libraries then do without.

What a snippet takes has to stay where it can be counted. So a thread shares its descriptors
with all others, none is on its way over a socket or held by a call that waits, and memory is
its process's own: what two processes could share is freed as a whole only, however little of
it is still mapped and counts against the limit.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from .system_calls import ABOUT_PROCESSES, ABOUT_TASKS, OF_CLOCKS, UNSUPPORTED
from .system_calls import FORBIDDEN as _FORBIDDEN
from .system_calls import PRETENDED as _PRETENDED

_CLONE, _CLONE3 = (56, 220), (435, 435)
_SOCKET, _SOCKETPAIR, _CONNECT, _BIND, _LISTEN = (41, 198), (53, 199), (42, 203), (49, 200), (50, 201)
_INTERNET_FAMILIES = (2, 10)  # AF_INET, AF_INET6
_CLOSE, _DUP2, _DUP3, _CLOSE_RANGE = (3, 57), (33, None), (292, 24), (436, 436)
_KILL, _TGKILL = (62, 129), (234, 131)
_PRLIMIT64, _SCHED_SETAFFINITY = (302, 261), (203, 122)
_FCNTL, _IOCTL, _PRCTL = (72, 25), (16, 29), (157, 167)
_MMAP, _SENDMSG, _SENDMMSG = (9, 222), (46, 211), (307, 269)

_CONNECTIONLESS = 0xE  # any of these bits in a socket's type makes it another than SOCK_STREAM
_SIGKILL = 9
_THREAD_FLAGS = (0x00010000, 0x00000400, 0x00000200)  # CLONE_THREAD, CLONE_FILES, CLONE_FS
_MAP_SHARED, _MAP_ANONYMOUS = 0x01, 0x20
_PER_THREAD_CLOCK = 4
_DENIED_COMMANDS = (
    8, 10, 15,  # F_SETOWN, F_SETSIG, F_SETOWN_EX: they make the kernel signal others
    1024, 1026,  # F_SETLEASE, F_NOTIFY: others wait for it, or it sees what they do
    38,  # F_OFD_SETLKW: two of them can wait for each other, and hold their files, for good
)  # fmt: skip
_ALLOWED_REQUESTS = (
    0x5401, 0x802C542A, 0x5413, 0x540F,  # TCGETS, TCGETS2, TIOCGWINSZ, TIOCGPGRP: is it a terminal?
    0x541B, 0x5421, 0x5450, 0x5451,  # FIONREAD, FIONBIO, FIONCLEX, FIOCLEX
    0x40049409, 0x4020940D,  # FICLONE, FICLONERANGE
)  # fmt: skip
"""Of a file's or a socket's ioctl; others set blocks aside, change flags, name the machine's interfaces."""
_NETWORK_REQUESTS = (0x8910, 0x8912, 0x8913, 0x8915, 0x8933)  # SIOCGIF: NAME, CONF, FLAGS, ADDR, INDEX
# PR_SET_PDEATHSIG: a snippet dies with its server; PR_SET_DUMPABLE: and can be looked at by it.
_DENIED_OPTIONS = (1, 4)

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_X32_BIT = 0x40000000


@dataclass(frozen=True)
class _Machine:
    column: int
    audit_architecture: int


_MACHINES = {"x86_64": _Machine(0, 0xC000003E), "aarch64": _Machine(1, 0xC00000B7)}

Instruction = tuple[int, int, int, int]
"""(code, jump if true, jump if false, constant): one classic BPF instruction."""


def is_supported() -> bool:
    return platform.system() == "Linux" and platform.machine() in _MACHINES


def install(report_descriptor: int, network: bool = False) -> None:
    """Confine the calling process for good. OSError where the kernel does not take the filter."""
    program = build_filter(_MACHINES[platform.machine()], os.getpid(), report_descriptor, network)
    code = b"".join(_INSTRUCTION.pack(*step) for step in program)
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in (
        (_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(_Program(len(program), code)), 0, 0),
    ):
        if libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "the kernel refuses the seccomp filter")


def build_filter(machine: _Machine, own_pid: int, report_descriptor: int, network: bool = False) -> list[Instruction]:
    """The program: architecture first, then one rule after the other, then allow.

    ``network`` lets internet sockets through, and no others: a socket in the file system
    leads to services of this machine.
    """
    column = machine.column
    refuse, pretend = _ERRNO | errno.EPERM, _ERRNO
    program: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUAL, 1, 0, machine.audit_architecture),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_AT_LEAST, 0, 1, _X32_BIT),
        (_RETURN, 0, 0, _KILL_PROCESS),
    ]
    answers = ((_FORBIDDEN, refuse), (_PRETENDED, pretend), (UNSUPPORTED, _ERRNO | errno.EOPNOTSUPP))
    for numbers, answer in answers:
        program += _answer_all([pair[column] for pair in numbers.values()], answer)
    unreachable = _ERRNO | errno.ENETUNREACH
    if network:
        program += _allow_argument(_SOCKET[column], 0, _INTERNET_FAMILIES, unreachable)
    else:
        program += _answer_all([call[column] for call in (_SOCKET, _CONNECT, _BIND, _LISTEN)], unreachable)
        # descriptors travel by them
        program += _answer_all([call[column] for call in (_SENDMSG, _SENDMMSG)], _ERRNO | errno.ETOOMANYREFS)
    # A pair of connected streams is no way out; a datagram socket could send to any other by its name.
    program += _deny_bits(_SOCKETPAIR[column], 1, _CONNECTIONLESS, refuse)
    bad_descriptor = _ERRNO | errno.EBADF
    for closing, index in ((_CLOSE, 0), (_DUP2, 1), (_DUP3, 1)):
        program += _deny_argument(closing[column], index, (report_descriptor,), bad_descriptor)
    # The C library and Python then close one by one; the C library then falls back to clone.
    program += _answer_all([_CLOSE_RANGE[column], _CLONE3[column]], _ERRNO | errno.ENOSYS)
    program += _require_bits(_CLONE[column], _THREAD_FLAGS, refuse)
    program += _deny_all_bits(_MMAP[column], 3, (_MAP_SHARED, _MAP_ANONYMOUS), refuse)
    program += _own_signals(_KILL[column], 1, own_pid, refuse)
    program += _own_signals(_TGKILL[column], 2, own_pid, refuse)
    for call in (_PRLIMIT64, _SCHED_SETAFFINITY):  # 0 is the caller itself
        program += _allow_argument(call[column], 0, (0,), refuse)
    for call, index in ABOUT_PROCESSES.values():
        program += _allow_argument(call[column], index, (0, own_pid), refuse)
    for call in ABOUT_TASKS.values():  # the C library asks for its own threads, too, and does without
        program += _allow_argument(call[column], 0, (0, own_pid), _ERRNO | errno.ENOSYS)
    for pair in OF_CLOCKS.values():
        program += _own_clocks(pair[column], own_pid, _ERRNO | errno.EINVAL)
    program += _deny_argument(_FCNTL[column], 1, _DENIED_COMMANDS, refuse)
    requests = _ALLOWED_REQUESTS + (_NETWORK_REQUESTS if network else ())
    program += _allow_argument(_IOCTL[column], 1, requests, _ERRNO | errno.ENOTTY)
    program += _deny_argument(_PRCTL[column], 0, _DENIED_OPTIONS, refuse)
    return [*program, (_RETURN, 0, 0, _ALLOW)]


def _answer_all(numbers: Sequence[int | None], answer: int) -> list[Instruction]:
    """The same answer to each of these calls: all jump to one return (255 instructions away at most)."""
    known = [number for number in numbers if number is not None]
    last = len(known) - 1
    tests = [(_EQUAL, last - place, int(place == last), number) for place, number in enumerate(known)]
    return [*tests, (_RETURN, 0, 0, answer)]


def _require_bits(number: int, bits: Sequence[int], otherwise: int) -> list[Instruction]:
    """Allow the call only where its first argument (its low word) has all of these bits."""
    body: list[Instruction] = [(_LOAD, 0, 0, _ARGUMENTS_AT)]
    for bit in bits:
        body += [(_ANY_BIT, 1, 0, bit), (_RETURN, 0, 0, otherwise)]
    body.append((_RETURN, 0, 0, _ALLOW))
    return [(_EQUAL, 0, len(body), number), *body]


def _deny_all_bits(number: int, index: int, bits: Sequence[int], answer: int) -> list[Instruction]:
    """Refuse the call only where its argument (its low word) has all of these bits."""
    body: list[Instruction] = [(_LOAD, 0, 0, _ARGUMENTS_AT + 8 * index)]
    for bit in bits:
        body += [(_ANY_BIT, 1, 0, bit), (_RETURN, 0, 0, _ALLOW)]
    body.append((_RETURN, 0, 0, answer))
    return [(_EQUAL, 0, len(body), number), *body]


def _own_clocks(number: int | None, own_pid: int, otherwise: int) -> list[Instruction]:
    """The system's clocks, the threads' (the kernel shows a process its own only), and this process's."""
    if number is None:
        return []
    body: list[Instruction] = [
        (_LOAD, 0, 0, _ARGUMENTS_AT),
        (_AT_LEAST, 1, 0, 0x80000000),  # negative: a process's or a thread's
        (_RETURN, 0, 0, _ALLOW),
        (_ANY_BIT, 0, 1, _PER_THREAD_CLOCK),
        (_RETURN, 0, 0, _ALLOW),
    ]
    for pid in (0, own_pid):
        for kind in range(3):
            body += [(_EQUAL, 0, 1, (~pid << 3 | kind) & 0xFFFFFFFF), (_RETURN, 0, 0, _ALLOW)]
    body.append((_RETURN, 0, 0, otherwise))
    return [(_EQUAL, 0, len(body), number), *body]


def _own_signals(number: int, index: int, own_pid: int, otherwise: int) -> list[Instruction]:
    """Signals to itself only, and not the one that the system sends for want of memory: it dies of another instead."""
    body = [
        (_LOAD, 0, 0, _ARGUMENTS_AT),
        (_EQUAL, 1, 0, own_pid),
        (_RETURN, 0, 0, otherwise),
        (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * index),
        (_EQUAL, 0, 1, _SIGKILL),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return [(_EQUAL, 0, len(body), number), *body]


def _deny_bits(number: int, index: int, bits: int, answer: int) -> list[Instruction]:
    """Refuse the call only where its argument has any of these bits."""
    body = [
        (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * index),
        (_ANY_BIT, 0, 1, bits),
        (_RETURN, 0, 0, answer),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return [(_EQUAL, 0, len(body), number), *body]


def _deny_argument(number: int | None, index: int, denied: tuple[int, ...], answer: int) -> list[Instruction]:
    """Refuse the call only where its argument (its low word) is one of these."""
    if number is None:
        return []
    tests: list[Instruction] = []
    for constant in denied:
        tests += [(_EQUAL, 0, 1, constant), (_RETURN, 0, 0, answer)]
    body = [(_LOAD, 0, 0, _ARGUMENTS_AT + 8 * index), *tests, (_RETURN, 0, 0, _ALLOW)]
    return [(_EQUAL, 0, len(body), number), *body]


def _allow_argument(number: int, index: int, allowed: tuple[int, ...], otherwise: int) -> list[Instruction]:
    """Allow the call only where its argument (its low word) is one of these."""
    tests: list[Instruction] = []
    for constant in allowed:
        tests += [(_EQUAL, 0, 1, constant), (_RETURN, 0, 0, _ALLOW)]
    body = [(_LOAD, 0, 0, _ARGUMENTS_AT + 8 * index), *tests, (_RETURN, 0, 0, otherwise)]
    return [(_EQUAL, 0, len(body), number), *body]


_INSTRUCTION = struct.Struct("=HBBI")


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.c_char_p))
