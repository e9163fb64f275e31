"""Landlock: which files the calling process, and all that comes of it, may still touch.

It needs no privilege and no program, only Linux 6.2 or later (ABI 3, the first that also
covers truncation). What it leaves open, the seccomp filter closes: sockets, signals, changes of
mode, owner and times, extended attributes, and events that name files. What stays visible is what
`stat` tells of a path that the snippet knows or guesses: whether it exists, its size, owner and times
(of /proc/<number> too: whether there is such a process), where a link leads, how full a disk is.
Only a file system of its own, as bubblewrap makes it, hides those.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Sequence

MINIMUM_ABI = 3

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every machine
_GET_VERSION = 1
_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_TRUNCATE = 1 << 14
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_ALL_OF_ABI = {3: (1 << 15) - 1, 4: (1 << 15) - 1}
_ALL = (1 << 16) - 1  # from ABI 5 on: ioctl on devices too
_ALL_NETWORK = 3  # from ABI 4 on: binding and connecting TCP sockets
_ALL_SCOPES = 3  # from ABI 6 on: abstract sockets, signals

DEVICES = ("/dev/null", "/dev/random", "/dev/urandom")
"""Not /dev/zero: a shared mapping of it is memory that stays taken when most of it is unmapped."""
_CAPABILITY_VERSION_3 = 0x20080522


def abi() -> int:
    """The kernel's Landlock version; 0 where it has none or has it switched off."""
    if os.uname().sysname != "Linux":
        return 0
    version: int = ctypes.CDLL(None).syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _GET_VERSION)
    return max(version, 0)


def restrict(readable: Sequence[str], writable: Sequence[str], network: bool = False) -> None:
    """Leave only these directories and files (and the harmless devices). OSError where that fails.

    ``network`` leaves TCP as it is; what sockets there are is for the seccomp filter to say.

    Paths that do not exist are passed over. Drops all capabilities as well, so that
    root is bound by the files' own permissions too.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    version = abi()
    attributes = _Ruleset(_ALL_OF_ABI.get(version, _ALL), 0 if network else _ALL_NETWORK, _ALL_SCOPES)
    known_size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = _check(libc.syscall(_CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(known_size), 0))
    handled: int = attributes.handled_fs
    rules = [(path, _READ) for path in readable]
    rules += [(path, _READ_FILE | _WRITE_FILE) for path in DEVICES]
    rules += [(path, handled) for path in writable]
    for path, rights in rules:
        with contextlib.suppress(FileNotFoundError):
            _allow(libc, ruleset, path, rights & handled)
    _check(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _check(libc.syscall(_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)
    _drop_capabilities(libc)


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not os.path.isdir(path):  # noqa: PTH112 - pathlib costs more than all the rest of a child's start
            rights &= _ON_FILES
        rule = _PathBeneath(rights, parent)
        _check(libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0))
    finally:
        os.close(parent)


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _check(libc.capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)())))


def _check(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), "Landlock refuses: " + os.strerror(ctypes.get_errno()))
    return result


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("handled_fs", ctypes.c_uint64),
        ("handled_network", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))
