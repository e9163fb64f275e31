"""Where a stage's result lives: claimed by one process, resumed after a kill, finished by DONE.

    runs/<stage>/<name>-<fingerprint>/
        config.yaml       the part of the config that the stage reads, and what it needs
        provenance.json   commit, versions, inputs, times
        metrics.jsonl     one line a step, while it goes
        metrics.json      the stage's figures, at the end
        DONE              last; a directory without it is unfinished

The fingerprint alone is the address. The name in front of it is for people, so a result
is found again under whatever name it was made.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from rlaif.errors import UserError
from rlaif.records import whole_lines

Metrics = Mapping[str, float | int | None]

SECONDS_BETWEEN_LOOKS = 1.0
"""At whether another job has finished what this one waits for."""
VERSIONS_TO_RECORD = ("torch", "transformers", "trl", "peft", "datasets", "codebleu", "rouge-score", "wandb")


@dataclass(frozen=True)
class Run:
    """One stage's directory."""

    stage: str
    fingerprint: str
    directory: Path

    @property
    def done(self) -> bool:
        return (self.directory / "DONE").exists()

    @property
    def metrics(self) -> dict[str, Any]:
        """The figures of a finished run."""
        figures: dict[str, Any] = json.loads((self.directory / "metrics.json").read_text(encoding="utf-8"))
        return figures

    @property
    def provenance(self) -> dict[str, Any]:
        """Where it came from; without its end while it goes on."""
        found: dict[str, Any] = json.loads((self.directory / "provenance.json").read_text(encoding="utf-8"))
        return found

    def log(self, step: int, metrics: Metrics) -> None:
        """Append one step's figures to metrics.jsonl."""
        with (self.directory / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **metrics}) + "\n")

    def history(self) -> list[dict[str, Any]]:
        """Every logged step, in order. A step that is being written, or that a kill cut short, is left out."""
        path = self.directory / "metrics.jsonl"
        return [json.loads(line) for line in whole_lines(path.read_bytes()).splitlines()] if path.exists() else []

    def rewind(self, step: int) -> None:
        """Forget the steps after `step`: a run goes on from a checkpoint older than its last line."""
        kept = [row for row in self.history() if row["step"] <= step]
        write_atomic(self.directory / "metrics.jsonl", "".join(json.dumps(row) + "\n" for row in kept))

    def finish(self, metrics: Mapping[str, Any]) -> None:
        """Write the figures, complete the provenance, and say DONE."""
        write_atomic(self.directory / "metrics.json", json.dumps(dict(metrics), indent=2) + "\n")
        provenance = {**self.provenance, "finished": _now()}
        write_atomic(self.directory / "provenance.json", json.dumps(provenance, indent=2) + "\n")
        write_atomic(self.directory / "DONE", "")


def fingerprint(content: Mapping[str, Any]) -> str:
    """A short digest of everything that decides a result."""
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def find(runs_dir: Path, stage: str, name: str, address: str) -> Run:
    """The run at this address, under whatever name it was made, a finished one first; not necessarily there yet."""
    made = [Run(stage, address, path) for path in sorted((runs_dir / stage).glob(f"*-{address}"))]
    unmade = Run(stage, address, runs_dir / stage / f"{name}-{address}")
    return next((run for run in made if run.done), (made or [unmade])[0])


@contextmanager
def claim(
    runs_dir: Path, stage: str, name: str, address: str, on_wait: Callable[[], None] = lambda: None
) -> Iterator[Run]:
    """Hold a run so that no other process makes the same result; waits while one does, until it is done.

    The lock belongs to the process and goes with it, so a killed job frees its run. A finished run needs no lock:
    nobody writes there any more.
    """
    run = find(runs_dir, stage, name, address)
    if run.done:
        yield run
        return
    locks = runs_dir / stage / ".locks"
    try:
        locks.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"runs_dir={runs_dir}: cannot be written: {error.strerror}") from None
    lock = FileLock(locks / f"{address}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        on_wait()
        while not lock.is_locked and not run.done:
            with suppress(Timeout):
                lock.acquire(timeout=SECONDS_BETWEEN_LOOKS)
            run = find(runs_dir, stage, name, address)
    try:
        run = find(runs_dir, stage, name, address)
        if not run.done:
            run.directory.mkdir(exist_ok=True)
        yield run
    finally:
        lock.release()


def write_atomic(path: Path, text: str) -> None:
    """The file has either its old content or all of the new one."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def provenance(needs: Mapping[str, Run], input_digest: str | None) -> dict[str, Any]:
    """What a result came from. Holds no absolute path, host or user name."""
    return {
        "started": _now(),
        "commit": _commit(),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "versions": {name: _version(name) for name in VERSIONS_TO_RECORD},
        "needs": {stage: run.directory.name for stage, run in needs.items()},
        "input_digest": input_digest,
    }


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    """The checkout's commit, with + where tracked files were changed; None outside a checkout."""
    root = Path(__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return None
    try:
        head = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        changes = subprocess.run(
            ["git", "-C", str(root), "status", "--porcelain", "--untracked-files=no"],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return None
    return head + ("+" if changes.strip() else "")
