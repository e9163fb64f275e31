"""The forked child: give up all rights, run one snippet, report how it ended.

A report says what happened, never what to make of it: that is judged outside
(`rlaif.execution.classify`). It describes failures alone: that a snippet has passed is announced
by the frames beneath it (`sealed`). `os._exit` leaves no report at all.
"""

from __future__ import annotations
import __future__

import ast
import base64
import ctypes
import functools
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
from typing import Any, NoReturn

from . import addresses, forgery, landlock, own_memory, sealed, seccomp
from .describe import describe
from .sealed import Announcement, Program

MAX_FILE_BYTES = 64 << 20
MAX_DOWNLOAD_BYTES = 32 << 30
"""The largest file where there is a network: a model's weights."""
MAX_OPEN_FILES = 64
MAX_TASKS = 4096
"""Of the user in all; it does not bind root, whose threads are bounded by memory only."""
MAX_REPORT_BYTES = 1 << 16
"""What a pipe takes at once."""
_PR_SET_PDEATHSIG = 1
_FUTURES = __future__.annotations.compiler_flag | __future__.barry_as_FLUFL.compiler_flag
"""The future imports that still change how code is compiled."""

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
    disk_bytes: int = 256 << 20
    """In all that it writes to its directory and holds without a name."""
    inherited_bytes: int = 0
    """Of the address space, what it has from its server."""

    @property
    def cpu_seconds(self) -> int:
        """Of all threads, after which the kernel ends it."""
        return math.ceil(self.timeout_s) + 1

    @property
    def largest_file(self) -> int:
        return MAX_DOWNLOAD_BYTES if self.network else min(MAX_FILE_BYTES, max(1, self.disk_bytes // 4))


@dataclass(frozen=True)
class Job:
    """A snippet and what it finds."""

    code: str
    files: Mapping[str, str]
    """Sample files, by path relative to the working directory, in base64."""
    pages: Mapping[str, Sequence[str]]
    """What there is to fetch, by address: (media type, content in base64)."""


def run_snippet(job: Job, announcement: Announcement, confinement: Confinement) -> NoReturn:
    """Run in the forked child, beside its sample files; ends the process."""
    stage = "confine"
    path = os.path.join(confinement.workspace, "snippet.py")  # noqa: PTH118
    report = functools.partial(_report, announcement.descriptor, os.getpid(), path)
    try:
        _confine(confinement, announcement.descriptor)
        stage = "files"
        _write_files(job.files)
        _write_program(job.code, path)
        addresses.install(job.pages)
        own_memory.install()
        stage = "compile"
        program = _load(job.code, path)
        namespace = _become_main(path)
        stage = "run"
        sealed.run(program, namespace, announcement, _join_threads, functools.partial(report, stage))
    except BaseException as error:
        report(stage, error)
    finally:
        _exit(0)


def _confine(confinement: Confinement, report_descriptor: int) -> None:
    os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    os.chdir(confinement.workspace)
    limit_memory = (confinement.memory_bytes, confinement.memory_bytes)
    seconds, file_bytes = confinement.cpu_seconds, confinement.largest_file
    for kind, limit in (
        (resource.RLIMIT_AS, limit_memory),
        (resource.RLIMIT_CPU, (seconds, seconds + 1)),
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


def _write_program(code: str, path: str) -> None:
    """Libraries read their caller's source."""
    with open(path, "w", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
        file.write(code)


def _load(code: str, path: str) -> Program:
    """Check and compile the snippet."""
    tree = ast.parse(code, path)
    found = forgery.find_forgery(tree) if forgery.may_forge(code) else None
    if found is not None:
        raise _Forgery(*found)
    beginning, futures = None, 0
    before = _num_before_ending(tree.body)
    if before > 0:
        part = ast.Module(tree.body[:before], tree.type_ignores)
        beginning = compile(part, path, "exec", dont_inherit=True)
        futures = beginning.co_flags & _FUTURES
    body = tree.body[before:]
    if before > 0 and ("settrace" in code or "setprofile" in code):
        body = _keep_tracing(body[0]) + body
    ending = compile(ast.Module(body, []), path, "exec", futures, dont_inherit=True)
    return Program(beginning, ending, _clearing_lines(tree))


def _num_before_ending(body: list[ast.stmt]) -> int:
    """How many statements come before the last one that does something.

    None where the last one has a say in how all of them compile.
    """
    last = len(body) - 1
    while last > 0 and _does_nothing(body[last]):
        last -= 1
    if last < 0:
        return 0
    is_of_all = isinstance(body[last], ast.Global) or getattr(body[last], "module", "") == "__future__"
    return 0 if is_of_all else last


def _keep_tracing(first: ast.stmt) -> list[ast.stmt]:
    """What sets trace and profile functions anew, at a statement's place: each part of a program is traced apart."""
    statements = ast.parse(
        "__import__('sys').settrace(__import__('sys').gettrace())\n"
        "__import__('sys').setprofile(__import__('sys').getprofile())"
    ).body
    for statement in statements:
        for node in ast.walk(statement):
            ast.copy_location(node, first)
    return statements


def _does_nothing(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _clearing_lines(tree: ast.Module) -> frozenset[int]:
    """Of what runs also when an error is on its way out: `finally` blocks, and the ends of `with` at their heads."""
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Try | ast.TryStar) and node.finalbody:
            lines.update(range(node.finalbody[0].lineno, (node.finalbody[-1].end_lineno or 0) + 1))
        elif isinstance(node, ast.With | ast.AsyncWith):
            lines.update(range(node.lineno, node.body[0].lineno))
    return frozenset(lines)


def _become_main(path: str) -> dict[str, Any]:
    """The namespace of a main module, and all else as `python snippet.py` would have it."""
    for name in [name for name in sys.modules if name.startswith(__package__ or __name__)]:
        del sys.modules[name]
    main = types.ModuleType("__main__")
    main.__file__ = path
    sys.modules["__main__"] = main
    sys.argv = [path]
    sys.path.insert(0, os.getcwd())  # noqa: PTH109
    return main.__dict__


def _join_threads() -> None:
    """Wait for the end of the last thread that is not a daemon, as the interpreter does at its own end.

    It has the main thread count as ended first, and tells pools that nobody closed to end theirs.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    for thread in threading.enumerate():  # one that a thread started at last
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()


def _report(descriptor: int, own_id: int, program: str, stage: str, error: BaseException) -> None:
    """Write what went wrong. Without isolation a snippet may have forked: its child has no say."""
    if type(error) is _Forgery:
        found = {"stage": "check", "message": error.construct, "line": error.line}
    else:
        found = {"stage": stage, **describe(error, program)}
    if _getpid() == own_id:
        _write(descriptor, _dumps(found).encode()[:MAX_REPORT_BYTES])


class _Forgery(Exception):
    def __init__(self, construct: str, line: int) -> None:
        super().__init__(construct)
        self.construct = construct
        self.line = line
