"""The system calls that a snippet does not get, as a seccomp filter for x86-64 and aarch64.

The list denies; what it leaves is what one process needs to compute and to use its own
files. A snippet is one process with threads, and stays one: no fork, no exec. So killing
it by its id ends all of it, and there are no process bombs and no daemons.

The descriptor that the report goes to can be neither closed nor replaced, so that the report
ends where it should whatever the snippet does to its descriptors.

Calls that only change a file's mode, owner, times or attributes pretend to succeed:
Landlock cannot confine them, and honest code (`shutil.copy`, archives) makes them in passing.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
from dataclasses import dataclass

# name: (number on x86-64, number on aarch64); None where the machine has no such call.
_Numbers = dict[str, tuple[int | None, int | None]]

_FORBIDDEN: _Numbers = {
    # new processes
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281),
    # other processes
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "kcmp": (312, 272), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424), "tkill": (200, 130), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "process_madvise": (440, 440), "process_mrelease": (448, 448),
    "move_pages": (279, 239), "migrate_pages": (256, 238), "setpriority": (141, 140),
    "ioprio_set": (251, 30), "sched_setscheduler": (144, 119), "sched_setparam": (142, 118),
    "sched_setattr": (314, 274),
    # memory and messages outside the limits and the file rules
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "shmctl": (31, 195),
    "shmat": (30, 196), "semget": (64, 190), "semctl": (66, 191), "semop": (65, 193),
    "semtimedop": (220, 192), "msgget": (68, 186), "msgctl": (71, 187), "msgsnd": (69, 189),
    "msgrcv": (70, 188), "mq_open": (240, 180), "mq_unlink": (241, 181),
    # namespaces and mounts
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429),
    "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442), "open_tree_attr": (467, 467),
    "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264),
    "mknod": (133, None), "mknodat": (259, 33), "fanotify_init": (300, 262),
    # the kernel's own
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142),
    "swapon": (167, 224), "swapoff": (168, 225), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "adjtimex": (159, 171), "clock_adjtime": (305, 266), "sethostname": (170, 161),
    "setdomainname": (171, 162), "acct": (163, 89), "quotactl": (179, 60), "syslog": (103, 116),
    "personality": (135, 92), "iopl": (172, None), "ioperm": (173, None), "modify_ldt": (154, None),
    "vhangup": (153, 58),
}  # fmt: skip

_PRETENDED: _Numbers = {
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, None), "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54),
    "utime": (132, None), "utimes": (235, None), "futimesat": (261, None), "utimensat": (280, 88),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "setxattrat": (463, 463),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "removexattrat": (466, 466), "file_setattr": (469, 469),
}  # fmt: skip

_CLONE, _CLONE3 = (56, 220), (435, 435)
_SOCKET, _SOCKETPAIR, _CONNECT, _BIND, _LISTEN = (41, 198), (53, 199), (42, 203), (49, 200), (50, 201)
_INTERNET_FAMILIES = (2, 10)  # AF_INET, AF_INET6
_CLOSE, _DUP2, _DUP3, _CLOSE_RANGE = (3, 57), (33, None), (292, 24), (436, 436)
_KILL, _TGKILL = (62, 129), (234, 131)
_PRLIMIT64, _SCHED_SETAFFINITY = (302, 261), (203, 122)
_FCNTL, _IOCTL, _PRCTL = (72, 25), (16, 29), (157, 167)

_CONNECTIONLESS = 0xE  # any of these bits in a socket's type makes it another than SOCK_STREAM
_SIGKILL = 9
_CLONE_THREAD = 0x00010000
_OWNER_COMMANDS = (8, 10, 15)  # F_SETOWN, F_SETSIG, F_SETOWN_EX: they make the kernel signal others
# FIOSETOWN, SIOCSPGRP, TIOCSTI; FS_IOC_SETFLAGS, FS_IOC_FSSETXATTR
_DENIED_REQUESTS = (0x8901, 0x8902, 0x5412, 0x40086602, 0x401C5820)
_DEATH_OPTIONS = (1,)  # PR_SET_PDEATHSIG: a snippet dies with its server

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
    array = (_Instruction * len(program))(*(_Instruction(*step) for step in program))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in (
        (_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(_Program(len(program), array)), 0, 0),
    ):
        if libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "the kernel refuses the seccomp filter")


def build_filter(
    machine: _Machine, own_pid: int, report_descriptor: int, network: bool = False
) -> list[Instruction]:
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
    for numbers, answer in ((_FORBIDDEN, refuse), (_PRETENDED, pretend)):
        for pair in numbers.values():
            program += _answer(pair[column], answer)
    unreachable = _ERRNO | errno.ENETUNREACH
    if network:
        program += _allow_argument(_SOCKET[column], 0, _INTERNET_FAMILIES, unreachable)
    else:
        for call in (_SOCKET, _CONNECT, _BIND, _LISTEN):
            program += _answer(call[column], unreachable)
    # A pair of connected streams is no way out; a datagram socket could send to any other by its name.
    program += _deny_bits(_SOCKETPAIR[column], 1, _CONNECTIONLESS, refuse)
    bad_descriptor = _ERRNO | errno.EBADF
    for closing, index in ((_CLOSE, 0), (_DUP2, 1), (_DUP3, 1)):
        program += _deny_argument(closing[column], index, (report_descriptor,), bad_descriptor)
    program += _answer(_CLOSE_RANGE[column], _ERRNO | errno.ENOSYS)  # the C library and Python then close one by one
    program += _answer(_CLONE3[column], _ERRNO | errno.ENOSYS)  # the C library then falls back to clone
    program += _check_argument(_CLONE[column], (_ANY_BIT, _CLONE_THREAD), otherwise=refuse)
    program += _own_signals(_KILL[column], 1, own_pid, refuse)
    program += _own_signals(_TGKILL[column], 2, own_pid, refuse)
    for call in (_PRLIMIT64, _SCHED_SETAFFINITY):  # 0 is the caller itself
        program += _check_argument(call[column], (_EQUAL, 0), otherwise=refuse)
    program += _deny_argument(_FCNTL[column], 1, _OWNER_COMMANDS, refuse)
    program += _deny_argument(_IOCTL[column], 1, _DENIED_REQUESTS, refuse)
    program += _deny_argument(_PRCTL[column], 0, _DEATH_OPTIONS, refuse)
    return [*program, (_RETURN, 0, 0, _ALLOW)]


def _answer(number: int | None, answer: int) -> list[Instruction]:
    if number is None:
        return []
    return [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, answer)]


def _check_argument(number: int, test: tuple[int, int], otherwise: int) -> list[Instruction]:
    """Allow the call only where its first argument (its low word) passes the test."""
    body = [
        (_LOAD, 0, 0, _ARGUMENTS_AT),
        (test[0], 0, 1, test[1]),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, otherwise),
    ]
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


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("if_true", ctypes.c_uint8),
        ("if_false", ctypes.c_uint8),
        ("constant", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction)))
