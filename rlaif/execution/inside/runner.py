"""The forked child: give up all rights, run one snippet, report how it ended.

A report says what happened, never what to make of it: that is judged outside
(`rlaif.execution.classify`). Only the end of the snippet's last line writes a report of
success; `sys.exit` is reported as what it is, and `os._exit` leaves no report at all.
"""

from __future__ import annotations

import ast
import ctypes
import json
import math
import os
import resource
import signal
import sys
import threading
import types
from dataclasses import dataclass
from typing import Any, NoReturn

from . import forgery, landlock, seccomp

MAX_FILE_BYTES = 64 << 20
MAX_DOWNLOAD_BYTES = 32 << 30
"""The largest file where there is a network: a model's weights."""
MAX_OPEN_FILES = 64
MAX_TASKS = 4096
"""Of the user in all; it does not bind root, whose threads are bounded by memory only."""
MAX_MESSAGE = 500
MAX_REPORT_BYTES = 1 << 16
"""What a pipe takes at once."""
PASSED, FAILED = b"+", b"-"
_PR_SET_PDEATHSIG = 1

# Bound before the snippet can replace them.
_write, _exit, _getpid = os.write, os._exit, os.getpid

Report = dict[str, Any]


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


def run_snippet(code: str, nonce: bytes, report_descriptor: int, confinement: Confinement) -> NoReturn:
    """Run in the forked child; ends the process.

    A report is the nonce, a sign, and for a failure its description. The snippet may have
    replaced any function of any module by the time that it ends, so neither the nonce nor
    the sign passes through one that could be replaced.
    """
    stage, report, own_id = "confine", b"", os.getpid()
    try:
        _confine(confinement)
        stage = "compile"
        program = _load(code, os.path.join(confinement.workspace, "snippet.py"))  # noqa: PTH118
        stage = "run"
        _run(program)
        report = nonce + PASSED
    except BaseException as error:
        report = nonce + FAILED + _describe_failure(stage, error)
    finally:
        try:
            if _getpid() == own_id:  # without isolation the snippet may have forked; its child has no say
                _write(report_descriptor, report[:MAX_REPORT_BYTES])
        finally:
            _exit(0)


def _confine(confinement: Confinement) -> None:
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
        seccomp.install(network=confinement.network)


def _lower(kind: int, limit: tuple[int, int]) -> None:
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        limit = (min(limit[0], hard), min(limit[1], hard))
    try:
        resource.setrlimit(kind, limit)
    except (ValueError, OSError):
        if sys.platform == "linux":  # elsewhere a kernel may not know the limit
            raise


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


def _describe_failure(stage: str, error: BaseException) -> bytes:
    if isinstance(error, _Forgery):
        return json.dumps({"stage": "check", "message": error.construct, "line": error.line}).encode()
    return json.dumps({"stage": stage, **_describe(error)}).encode()


def _describe(error: BaseException) -> Report:
    frames = _frames(error)
    snippet = [line for path, line, _ in frames if path.endswith("/snippet.py")]
    line = snippet[-1] if snippet else None
    if isinstance(error, SyntaxError) and str(error.filename).endswith("/snippet.py"):
        line = error.lineno
    report = _describe_one(error) | {"line": line, "missing_module": None, "hub": _hub_source(error)}
    if isinstance(error, ModuleNotFoundError):
        report["missing_module"] = error.name
    report["functions"] = [function for _, _, function in frames[-8:]]
    report["causes"] = [_describe_one(cause) for cause in _causes(error)]
    return report


def _describe_one(error: BaseException) -> Report:
    try:
        message = str(error)[:MAX_MESSAGE]
    except BaseException:  # an exception's own __str__ is the snippet's code too
        message = ""
    number = getattr(error, "errno", None)
    return {
        "types": [kind.__name__ for kind in type(error).__mro__],
        "message": message,
        "errno": number if isinstance(number, int) else None,
    }


def _causes(error: BaseException) -> list[BaseException]:
    """What the exception was raised from or while handling, up to four steps back, the nearest first.

    An exception that carries another one in its arguments (urllib's URLError) names its cause so too.
    """
    causes: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and len(causes) < 4:
        inner = next((value for value in current.args if isinstance(value, BaseException)), None)
        context = None if current.__suppress_context__ else current.__context__
        current = current.__cause__ or context or inner
        if current is not None:
            causes.append(current)
    return causes


def _frames(error: BaseException) -> list[tuple[str, int, str]]:
    frames, step = [], error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        frames.append((code.co_filename, step.tb_lineno, f"{step.tb_frame.f_globals.get('__name__')}.{code.co_name}"))
        step = step.tb_next
    return frames


def _hub_source(error: BaseException) -> str | None:
    """The repository that torch.hub was looking up when it failed, as the snippet named it."""
    step = error.__traceback__
    while step is not None:
        frame = step.tb_frame
        if frame.f_globals.get("__name__") == "torch.hub" and frame.f_code.co_name == "_get_cache_or_reload":
            return str(frame.f_locals.get("github"))[:MAX_MESSAGE]
        step = step.tb_next
    return None


class _Forgery(Exception):
    def __init__(self, construct: str, line: int) -> None:
        super().__init__(construct)
        self.construct = construct
        self.line = line
