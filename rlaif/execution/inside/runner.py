"""The forked child: give up all rights, run one snippet, report how it ended.

A report says what happened, never what to make of it: that is judged outside
(`rlaif.execution.classify`). Only the end of the snippet's last line writes a report of
success; `sys.exit` is reported as what it is, and `os._exit` leaves no report at all.
"""

from __future__ import annotations

import ast
import base64
import ctypes
import json
import math
import os
import resource
import signal
import sys
import threading
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from . import addresses, forgery, landlock, seccomp
from .describe import describe

MAX_FILE_BYTES = 64 << 20
MAX_DOWNLOAD_BYTES = 32 << 30
"""The largest file where there is a network: a model's weights."""
MAX_OPEN_FILES = 64
MAX_TASKS = 4096
"""Of the user in all; it does not bind root, whose threads are bounded by memory only."""
MAX_REPORT_BYTES = 1 << 16
"""What a pipe takes at once."""
PASSED, FAILED = b"+", b"-"
_PR_SET_PDEATHSIG = 1

# Bound before the snippet can replace them.
_write, _exit, _getpid, _dumps = os.write, os._exit, os.getpid, json.dumps


@dataclass(frozen=True)
class Confinement:
    """What a snippet is left with."""

    workspace: str
    """The one directory that it may write to: its working, home and temporary directory."""
    timeout_s: float
    memory_bytes: int
    """Address space in all, the interpreter's own included."""
    landlock: list[str] | None
    """Directories that stay readable under Landlock; None leaves the files to the sandbox around."""
    seccomp: bool
    writable: list[str]
    """Further directories that it may write to, shared with all other snippets."""
    network: bool
    """Whether it may open internet sockets; what it fetches may be large, too."""


@dataclass(frozen=True)
class Job:
    """A snippet and what it finds."""

    code: str
    files: Mapping[str, str]
    """Sample files, by path relative to the working directory, in base64."""
    pages: Mapping[str, Sequence[str]]
    """What there is to fetch, by address: (media type, content in base64)."""


def run_snippet(job: Job, nonce: bytes, report_descriptor: int, confinement: Confinement) -> NoReturn:
    """Run in the forked child, beside its sample files; ends the process.

    A report is the nonce, a sign, and for a failure its description. The snippet may have
    replaced any function of any module by the time that it ends, so neither the nonce nor
    the sign passes through one that could be replaced.
    """
    stage, report, own_id = "confine", b"", os.getpid()
    path = os.path.join(confinement.workspace, "snippet.py")  # noqa: PTH118
    try:
        _confine(confinement, report_descriptor)
        stage = "files"
        _write_files(job.files)
        addresses.install(job.pages)
        stage = "compile"
        program = _load(job.code, path)
        stage = "run"
        _run(program)
        report = nonce + PASSED
    except BaseException as error:
        report = nonce + FAILED + _describe_failure(stage, error, path)
    finally:
        try:
            if _getpid() == own_id:  # without isolation the snippet may have forked; its child has no say
                _write(report_descriptor, report[:MAX_REPORT_BYTES])
        finally:
            _exit(0)


def _confine(confinement: Confinement, report_descriptor: int) -> None:
    os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    os.chdir(confinement.workspace)
    limit_memory = (confinement.memory_bytes, confinement.memory_bytes)
    seconds = math.ceil(confinement.timeout_s) + 1
    file_bytes = MAX_DOWNLOAD_BYTES if confinement.network else MAX_FILE_BYTES
    for kind, limit in (
        (resource.RLIMIT_AS, limit_memory),
        (resource.RLIMIT_CPU, (seconds, seconds)),
        (resource.RLIMIT_FSIZE, (file_bytes, file_bytes)),
        (resource.RLIMIT_NOFILE, (MAX_OPEN_FILES, MAX_OPEN_FILES)),
        (resource.RLIMIT_NPROC, (MAX_TASKS, MAX_TASKS)),
        (resource.RLIMIT_CORE, (0, 0)),
    ):
        _lower(kind, limit)
    if confinement.landlock is not None:
        landlock.restrict(
            confinement.landlock, [confinement.workspace, *confinement.writable], network=confinement.network
        )
    if confinement.seccomp:
        seccomp.install(report_descriptor, network=confinement.network)


def _lower(kind: int, limit: tuple[int, int]) -> None:
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        limit = (min(limit[0], hard), min(limit[1], hard))
    try:
        resource.setrlimit(kind, limit)
    except (ValueError, OSError):
        if sys.platform == "linux":  # elsewhere a kernel may not know the limit
            raise


def _write_files(files: Mapping[str, str]) -> None:
    """Sample files, by path relative to the working directory, in base64. ValueError for a path that leads out of it.

    The rights are given up by now, and the directory was empty: there is no link to follow.
    """
    for path, content in files.items():
        folder = os.path.dirname(path)  # noqa: PTH120
        if os.path.isabs(path) or ".." in path.split("/") or path == "snippet.py":  # noqa: PTH117
            raise ValueError(f"{path!r} is no place for a sample file")
        if folder:
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64decode(content, validate=True))


def _load(code: str, path: str) -> types.CodeType:
    """Write the snippet to its file (libraries read their caller's source), check and compile it."""
    with open(path, "w", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
        file.write(code)
    tree = ast.parse(code, path)
    found = forgery.find_forgery(tree)
    if found is not None:
        raise _Forgery(*found)
    return compile(tree, path, "exec", dont_inherit=True)


def _run(program: types.CodeType) -> None:
    """As `python snippet.py` would, up to the end of the last thread that is not a daemon."""
    for name in [name for name in sys.modules if name.startswith(__package__ or __name__)]:
        del sys.modules[name]
    main = types.ModuleType("__main__")
    main.__file__ = program.co_filename
    sys.modules["__main__"] = main
    sys.argv = [program.co_filename]
    sys.path.insert(0, os.getcwd())  # noqa: PTH109
    exec(program, main.__dict__)
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()


def _describe_failure(stage: str, error: BaseException, program: str) -> bytes:
    if type(error) is _Forgery:
        return _dumps({"stage": "check", "message": error.construct, "line": error.line}).encode()
    return _dumps({"stage": stage, **describe(error, program)}).encode()


class _Forgery(Exception):
    def __init__(self, construct: str, line: int) -> None:
        super().__init__(construct)
        self.construct = construct
        self.line = line
