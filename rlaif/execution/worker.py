"""One sandbox with its server inside, as the trainer's process sees it."""

from __future__ import annotations

import base64
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlaif.execution.inside.server import clear
from rlaif.execution.inside.stopping import PATIENCE

START_TIMEOUT_S = 180.0
"""A first import of torch from a cold disk can take a minute."""
GRACE_S = 10.0
"""How long after the last moment at which it ends a snippet its server may stay silent."""
ATTEMPTS = 2
"""How often a snippet is tried whose sandbox dies or hangs; the snippet need not be why it does."""


@dataclass(frozen=True)
class Launch:
    """How to start one sandbox."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    """All of it: nothing of the trainer's is passed on."""
    workspace: Path | None
    """The directory on the host that is the snippets' own, removed at the end; None where the sandbox has one."""


@dataclass(frozen=True)
class Outcome:
    """The facts of one run, as the server tells them."""

    report: dict[str, Any] | None = None
    """What the runner wrote; None where the process ended without."""
    exit_code: int | None = None
    signal: int | None = None
    stopped: str = ""
    """Why it was ended (`inside.stopping`), or "abandoned" by its parent; empty where it ended itself."""
    seconds: float = 0.0
    failure: str = ""
    """What went wrong with the sandbox itself; then nothing is known of the snippet."""


class SandboxError(RuntimeError):
    """A sandbox did not start, or ended. The message is its own last words."""


class Worker:
    """Starts its sandbox when it is first needed, and anew after a failure. For one thread at a time."""

    def __init__(self, launch: Launch, timeout_s: float) -> None:
        self._launch = launch
        self._timeout_s = timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._interrupted = False

    def run(
        self,
        code: str,
        files: Mapping[str, bytes] | None = None,
        pages: Mapping[str, tuple[str, bytes]] | None = None,
    ) -> Outcome:
        """Run one snippet; in a new sandbox, once more, where the first one dies or hangs with it.

        Args:
            files: what it finds in its working directory, by relative path.
            pages: what it gets that fetches an address, by address: (media type, content). Offline only.

        SandboxError where a sandbox cannot be started at all.
        """
        failure, has_begun = "", False
        job = {
            "code": code,
            "files": {path: _encoded(content) for path, content in (files or {}).items()},
            "pages": {address: (kind, _encoded(content)) for address, (kind, content) in (pages or {}).items()},
        }
        for _ in range(ATTEMPTS):
            try:
                if self._process is None:
                    self._start()
                has_begun = True
                self._send(job)
                return Outcome(**self._receive(PATIENCE * self._timeout_s + GRACE_S))
            except SandboxError as error:
                failure = str(error)
                self.close()
                if self._interrupted:  # it ended because it was told to
                    return Outcome(failure=failure)
        if not has_begun:
            raise SandboxError(failure)
        return Outcome(failure=failure)

    def interrupt(self) -> None:
        """Let the sandbox end, from another thread: at the end of its input a server kills its snippet and goes."""
        self._interrupted = True
        process = self._process
        if process is not None and process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()

    def close(self) -> None:
        """End the sandbox and all that runs in it, and remove its directory."""
        process, self._process = self._process, None
        if process is not None:
            _end(process)
        if self._launch.workspace is not None:
            _remove(self._launch.workspace)

    def _start(self) -> None:
        try:
            if self._launch.workspace is not None:
                self._launch.workspace.mkdir(mode=0o700, exist_ok=True)
            with _processes() as inherited:
                self._process = subprocess.Popen(
                    [*self._launch.command, *map(str, inherited)],
                    env=dict(self._launch.environment),
                    cwd="/",
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                    pass_fds=inherited,
                )
        except OSError as error:
            raise SandboxError(str(error)) from None
        assert self._process.stdin is not None
        os.set_blocking(self._process.stdin.fileno(), False)
        try:
            self._receive(START_TIMEOUT_S)
        except SandboxError:
            self.close()
            raise

    def _send(self, message: dict[str, Any]) -> None:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        unsent = json.dumps(message).encode() + b"\n"
        deadline = time.monotonic() + self._timeout_s + GRACE_S
        poll = select.poll()
        try:
            poll.register(process.stdin, select.POLLOUT)
            while unsent:  # more than a pipe holds is taken bit by bit, and not at all by a server that hangs
                if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                    raise SandboxError("it takes no more jobs")
                unsent = unsent[os.write(process.stdin.fileno(), unsent) :]
        except (OSError, ValueError):
            raise SandboxError("it ended") from None

    def _receive(self, timeout_s: float) -> dict[str, Any]:
        process = self._process
        if process is None or process.stdout is None:
            raise SandboxError("it was closed")
        line, deadline = b"", time.monotonic() + timeout_s
        poll = select.poll()
        poll.register(process.stdout, select.POLLIN)
        while not line.endswith(b"\n"):
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise SandboxError(f"no answer in {timeout_s:.0f} s")
            part = os.read(process.stdout.fileno(), 1 << 16)
            if not part:
                raise SandboxError(_last_words(process))
            line += part
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def _processes() -> Iterator[tuple[int, ...]]:
    """The one descriptor that a server gets: of /proc, by which it sees what a snippet uses, where there is one."""
    try:
        descriptor = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        yield ()
        return
    try:
        yield (descriptor,)
    finally:
        os.close(descriptor)


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _last_words(process: subprocess.Popen[bytes]) -> str:
    assert process.stderr is not None
    with suppress(subprocess.TimeoutExpired):
        process.wait(5)
    os.set_blocking(process.stderr.fileno(), False)
    words = (process.stderr.read() or b"").decode(errors="replace").strip()
    return words.splitlines()[-1] if words else f"it ended with status {process.returncode}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """Close its input, at which a server ends by itself; kill it where it does not."""
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.close()
    try:
        process.wait(2)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def _remove(directory: Path) -> None:
    with suppress(FileNotFoundError):  # a server that ended by itself has removed it
        clear(str(directory))
        directory.rmdir()
