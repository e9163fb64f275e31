"""The process inside the sandbox that a worker talks to: it imports once and forks a child per snippet.

    python -m inside.server SETTINGS [DESCRIPTOR]

DESCRIPTOR is one of /proc, by which it sees what a child uses.
Jobs come as lines of JSON on standard input, with the fields of `Job`; an outcome goes back
for each on standard output. End of input ends it. It runs no untrusted code itself: a child
gives up its rights before it runs the snippet, and is killed, and its files removed,
before the next one starts.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import math
import mmap
import os
import resource
import secrets
import signal
import site
import stat
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import IO, Any

from .disk import MAX_WORKSPACE_ENTRIES, DiskUse
from .forgery import REPORT_DESCRIPTOR
from .runner import Confinement, Job, run_snippet
from .sealed import Announcement
from .stopping import Bounds
from .usage import Usage
from .watch import ANNOUNCED, Watch
from .witness import Witness

MAX_WORKSPACE_DEPTH = 200
_EMPTY = Job(code="", files={}, pages={})


@dataclass(frozen=True)
class Settings:
    """What a worker tells its server at the start."""

    confinement: dict[str, Any]
    """The fields of `Confinement`; memory_bytes is what a snippet gets beyond the interpreter."""
    preload: list[str]
    """Modules to import before the first fork."""
    import_paths: list[str]
    """Directories of installed packages that snippets can import from."""


def main() -> None:
    settings = Settings(**json.loads(sys.argv[1]))
    processes = _lowest(int(sys.argv[2])) if len(sys.argv) > 2 else None
    jobs, answers = _take_channels()
    try:
        _preload(settings)
        confinement = Confinement(**settings.confinement)
        inherited = used_address_space()
        memory = confinement.memory_bytes + inherited
        confinement = replace(confinement, memory_bytes=memory, inherited_bytes=inherited)
    except BaseException:
        traceback.print_exc()
        sys.exit(1)
    os.dup2(0, 2)  # from here on nothing may reach the parent but answers
    witness = Witness()
    witness.learn(lambda: execute(_EMPTY, confinement, jobs, witness, processes))
    with contextlib.suppress(BrokenPipeError):  # nobody waits for it any more, be it from the start
        _answer(answers, {"ready": True})
        for job in jobs:
            wanted = json.loads(job)
            _answer(answers, execute(Job(**wanted), confinement, jobs, witness, processes))
    with contextlib.suppress(OSError):  # a mount of the sandbox's own goes with it
        os.rmdir(confinement.workspace)  # noqa: PTH106


def execute(
    job: Job, confinement: Confinement, jobs: IO[bytes], witness: Witness, processes: int | None = None
) -> dict[str, Any]:
    """Run one snippet in a child of its own; the outcome's fields (see `rlaif.execution.worker.Outcome`)."""
    # Without a witness, the best that is left is a number that only the frames beneath the snippet know.
    token, halt = (ANNOUNCED, signal.SIGSTOP) if witness.works else (secrets.token_bytes(16), 0)
    report_read, report_write = os.pipe()
    os.set_blocking(report_read, False)
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        os.dup2(report_write, REPORT_DESCRIPTOR)
        os.closerange(REPORT_DESCRIPTOR + 1, 1024)
        run_snippet(job, Announcement(REPORT_DESCRIPTOR, token, halt), confinement)
    os.close(report_write)
    confirms = witness.confirms if witness.works else None
    watch = _watch(child, started, confinement, processes, report_read, jobs.fileno(), confirms)
    status = watch.until_the_end()
    if watch.has_passed is not None:  # it was stopped at its end, and killed there
        status = 0
    os.close(report_read)
    may_pass = watch.has_passed is True if witness.works else status == 0
    outcome = {
        "report": _read_report(watch.report, token, may_pass) if status == 0 else None,
        "exit_code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
        "stopped": watch.stopped or _limit_that_ended_it(status, watch, confinement),
        "seconds": round(time.monotonic() - started, 4),
    }
    clear(confinement.workspace)
    return outcome


def _watch(
    child: int,
    started: float,
    confinement: Confinement,
    processes: int | None,
    report: int,
    jobs: int,
    confirms: Callable[[int], bool | None] | None,
) -> Watch:
    inherited, workspace = confinement.inherited_bytes, confinement.workspace
    usage = Usage(child, processes, inherited)
    # Where there is a network descriptors may travel, and files with them that are in nobody's list.
    shared = [*confinement.writable, workspace] if confinement.network else []
    return Watch(
        child,
        started,
        Bounds(confinement.timeout_s, confinement.memory_bytes - inherited, confinement.disk_bytes),
        usage,
        DiskUse(workspace, usage, _size, confinement.largest_file, shared),
        report,
        jobs,
        confirms,
    )


def _limit_that_ended_it(status: int, watch: Watch, confinement: Confinement) -> str:
    """The kernel's own: after too much CPU time, by a signal that can be ignored and then by one that cannot;
    on a full disk, where a mapped file gets no more of it.
    """
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if number in (signal.SIGXCPU, signal.SIGKILL) and watch.cpu_s >= confinement.cpu_seconds:
        return "timeout"
    return "disk" if number == signal.SIGBUS and watch.most_on_disk > confinement.disk_bytes / 2 else ""


def _lowest(descriptor: int) -> int:
    """The same under a low number, as a child closes only so many."""
    low = os.dup(descriptor)
    os.close(descriptor)
    return low


def used_address_space() -> int:
    """Bytes of address space that this process has, to the next MiB.

    Found by halving: the lowest limit under which another page can still be had. (/proc,
    which would say it, is not there in a sandbox.)
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    low, high = 0, 1 << 46
    if hard != resource.RLIM_INFINITY:
        high = min(high, hard)
    while high - low > 1 << 20:
        middle = (low + high) // 2
        try:
            resource.setrlimit(resource.RLIMIT_AS, (middle, hard))
            mmap.mmap(-1, mmap.PAGESIZE).close()
            high = middle
        except (OSError, MemoryError, ValueError):
            low = middle
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    return high


def clear(directory: str) -> None:
    """Remove all that is in a directory, however deep a snippet has nested it.

    Directories are emptied one level at a time: what they hold moves up first. So neither
    the recursion limit nor the longest path that a system call takes can be exceeded.
    """
    while entries := _entries(directory):
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.path)  # noqa: PTH108
                continue
            os.chmod(entry.path, 0o700)  # noqa: PTH101
            for inner in _entries(entry.path):
                if inner.is_dir(follow_symlinks=False):  # moving one changes what is in it: its parent
                    os.chmod(inner.path, 0o700)  # noqa: PTH101
                os.rename(inner.path, f"{directory}/{secrets.token_hex(8)}")  # noqa: PTH104
            os.rmdir(entry.path)  # noqa: PTH106


def _entries(directory: str) -> list[os.DirEntry[str]]:
    with os.scandir(directory) as entries:
        return list(entries)


def _take_channels() -> tuple[IO[bytes], IO[bytes]]:
    """The parent's two pipes, moved away from where prints and reads would meet them."""
    jobs, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)
    return jobs, answers


def _preload(settings: Settings) -> None:
    own = os.environ.pop("PYTHONPATH", None)
    for give in (site.setquit, site.setcopyright, site.sethelper):  # builtins that are missing without site
        give()
    sys.path[:] = [path for path in sys.path if path != own] + settings.import_paths
    for name in settings.preload:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # so that a child's collections do not copy all pages


def _read_report(data: bytes, token: bytes, may_pass: bool) -> dict[str, Any] | None:
    """How it ended; None where it does not say. What is more than an announcement, and no report, is a forgery."""
    if data == token and may_pass:
        return {"passed": True}
    if not data:
        return None
    try:
        report = json.loads(data)
    except (ValueError, RecursionError):
        report = None
    if not isinstance(report, dict):
        report = {"stage": "check", "message": "not the runner's own report"}
    return {**report, "passed": False}


def _size(directory: str) -> float:
    """Bytes on disk of all that is below; infinite where it is too much, too many, too deep or cannot be counted."""
    total, num_entries, directories, linked = 0, 0, [directory], set()
    deepest = directory.count("/") + MAX_WORKSPACE_DEPTH
    while directories:
        here = directories.pop()
        try:
            for entry in _entries(here):
                found = entry.stat(follow_symlinks=False)
                num_entries += 1
                if stat.S_ISDIR(found.st_mode):
                    directories.append(entry.path)
                elif found.st_nlink > 1:  # by each of its names the same blocks
                    if found.st_ino in linked:
                        continue
                    linked.add(found.st_ino)
                total += found.st_blocks * 512
        except FileNotFoundError:
            continue  # gone while being counted; the next tick counts again
        except PermissionError:
            if _takes_files(here):
                return math.inf
        except OSError:
            return math.inf
        if num_entries > MAX_WORKSPACE_ENTRIES or (directories and directories[-1].count("/") > deepest):
            return math.inf
    return total


def _takes_files(directory: str) -> bool:
    """Whether files can be made in it; a snippet cannot change the mode that it was made with."""
    try:
        return stat.S_IMODE(os.lstat(directory).st_mode) & 0o300 == 0o300
    except OSError:
        return False  # gone by now


def _answer(answers: IO[bytes], message: dict[str, Any]) -> None:
    answers.write(json.dumps(message).encode() + b"\n")
    answers.flush()


if __name__ == "__main__":
    main()
