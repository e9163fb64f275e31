"""The server's own measures, without a sandbox around them."""

from __future__ import annotations

import math
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from rlaif.config import Isolation
from rlaif.execution.inside import server
from rlaif.execution.inside.runner import Confinement
from rlaif.execution.inside.watch import Watch
from rlaif.execution.isolation import Contents, Limits, make_worker

NOBODY = 65534
CONFINEMENT = Confinement(
    workspace="", timeout_s=1.5, memory_bytes=1 << 30, landlock=None, seccomp=True, writable=[], network=False,
    disk_bytes=100,
)  # fmt: skip


def test_size_counts_blocks_and_follows_no_link(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (outside / "large").write_bytes(b"x" * (1 << 20))
    (inside / "small").write_bytes(b"x" * 5000)
    (inside / "link").symlink_to(outside)
    assert 5000 <= server._size(str(inside)) < 1 << 17


def test_size_is_bounded_in_number_and_depth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_WORKSPACE_ENTRIES", 10)
    for number in range(11):
        assert server._size(str(tmp_path)) < math.inf
        (tmp_path / f"{number}").touch()
    assert server._size(str(tmp_path)) == math.inf


def test_deep_directories_are_measured_and_cleared(tmp_path: Path) -> None:
    here = Path.cwd()
    os.chdir(tmp_path)
    try:
        for _ in range(1500):
            os.mkdir("d")  # noqa: PTH102 - relative, as the whole path soon is too long
            os.chdir("d")
    finally:
        os.chdir(here)
    assert server._size(str(tmp_path)) == math.inf
    server.clear(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_size_counts_a_file_with_several_names_once(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"x" * (1 << 20))
    for number in range(5):
        (tmp_path / f"{number}").hardlink_to(tmp_path / "one")
    assert 1 << 20 <= server._size(str(tmp_path)) < 2 << 20


def test_size_takes_no_directory_for_empty_that_it_cannot_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an ordinary user, from whom a snippet's directory can hide what is in it, but not that it is one."""
    list_entries = server._entries

    def refuse(directory: str) -> list[os.DirEntry[str]]:
        if directory != str(tmp_path):
            raise PermissionError(directory)
        return list_entries(directory)

    monkeypatch.setattr(server, "_entries", refuse)
    (tmp_path / "closed").mkdir(0o000)
    (tmp_path / "listed").mkdir(0o500)
    assert server._size(str(tmp_path)) < math.inf
    (tmp_path / "hidden").mkdir(0o300)
    assert server._size(str(tmp_path)) == math.inf


@pytest.mark.parametrize("mode", [0o000, 0o300, 0o500, 0o600])
def test_directories_within_closed_ones_are_cleared(tmp_path: Path, mode: int) -> None:
    """Moving a directory changes it, which its owner may not without the right to write in it."""
    workspace = tmp_path / "workspace"
    deep = workspace / "a" / "b" / "c"
    deep.mkdir(parents=True)
    (deep / "file").touch()
    for directory in (deep, deep.parent, deep.parent.parent):
        directory.chmod(mode)
    if os.geteuid() == 0:
        shutil.chown(workspace, NOBODY, NOBODY)
        for path in (tmp_path, *tmp_path.parents):
            if path.stat().st_mode & 0o001 == 0:
                path.chmod(path.stat().st_mode | 0o011)
            if path.name.startswith("pytest-of-"):
                break
        for path in [*workspace.rglob("*")]:
            os.chown(path, NOBODY, NOBODY)
    as_ordinary_user(lambda: server.clear(str(workspace)))
    assert list(workspace.iterdir()) == []


def as_ordinary_user(function: Callable[[], None]) -> None:
    """In a child that gives up root, where we are root."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            function()
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_server_that_nobody_waits_for_leaves_nothing(some_isolation: Isolation) -> None:
    """Its parent was killed while it started."""
    launch = make_worker(some_isolation, Contents(), Limits(1.5, 256))._launch
    if launch.workspace is not None:
        launch.workspace.mkdir(mode=0o700, exist_ok=True)
    read, write = os.pipe()
    os.close(read)
    ended = subprocess.run(
        launch.command, env=dict(launch.environment), stdin=subprocess.DEVNULL, stdout=write, stderr=subprocess.PIPE,
        check=False,
    )  # fmt: skip
    os.close(write)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert launch.workspace is None or not launch.workspace.exists()


@pytest.mark.parametrize(
    ("number", "cpu_s", "most_on_disk", "stopped"),
    [
        (signal.SIGXCPU, 3.0, 0, "timeout"),
        (signal.SIGKILL, 4.0, 0, "timeout"),  # it has ignored the other
        (signal.SIGKILL, 1.0, 0, ""),  # the system's, for its memory
        (signal.SIGBUS, 0.1, 60, "disk"),
        (signal.SIGBUS, 0.1, 10, ""),
        (signal.SIGSEGV, 3.0, 60, ""),
        (0, 3.0, 60, ""),
    ],
)
def test_signals_by_which_the_kernel_keeps_a_bound(
    number: int, cpu_s: float, most_on_disk: float, stopped: str
) -> None:
    watch = cast("Watch", SimpleNamespace(cpu_s=cpu_s, most_on_disk=most_on_disk))
    assert CONFINEMENT.cpu_seconds == 3
    assert server._limit_that_ended_it(int(number), watch, CONFINEMENT) == stopped
