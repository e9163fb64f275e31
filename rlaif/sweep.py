"""Jobs of a sweep that failed: none of them ends another, and at the end each is told in one line.

A launcher may run jobs in this process, in others, or on other machines; a sweeper may take what they
return for itself. So a failed job leaves a file for the process that started the sweep.
"""

from __future__ import annotations

import json
import shutil
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from rlaif.errors import UserError


@dataclass(frozen=True)
class Failures:
    """Where a sweep's failed jobs leave word, on a disk that all of its jobs see."""

    directory: Path

    @classmethod
    def below(cls, runs_dir: str) -> Failures:
        """A place of a sweep's own; nothing is there before a job fails."""
        return cls(Path(runs_dir).absolute() / "jobs" / f".failed-{uuid4().hex[:12]}")

    def add(self, number: int, overrides: Sequence[str], reason: str) -> None:
        """Leave word of a job.

        Args:
            number: The job's, in the sweep.
            overrides: What makes the job differ from the others.
            reason: One line; empty where another process tells it.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        record = {"number": number, "overrides": [*overrides], "reason": reason}
        (self.directory / f"{number}.json").write_text(json.dumps(record), encoding="utf-8")

    def take(self) -> list[str]:
        """A line for each failed job, in the jobs' order, empty without a reason; what they left is removed."""
        records = [json.loads(path.read_text(encoding="utf-8")) for path in self.directory.glob("*.json")]
        shutil.rmtree(self.directory, ignore_errors=True)
        records.sort(key=lambda record: int(record["number"]))
        return [
            record["reason"] and f"job {record['number']} ({' '.join(record['overrides'])}) failed: {record['reason']}"
            for record in records
        ]


def reason_of(error: BaseException) -> str:
    """Why a job failed, in one line."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.strerror or error}: {error.filename or 'I/O'}; what was finished is kept"
    if isinstance(error, SystemExit):
        return f"exited with status {error.code}"
    return " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")


def is_expected(error: BaseException) -> bool:
    """Whether an error is the user's or the disk's, so that its one line says it all."""
    return isinstance(error, UserError | OSError)


def write_traceback(error: BaseException, directory: Path) -> Path:
    """The error with its traceback as failed.txt in a job's directory."""
    path = directory / "failed.txt"
    path.write_text("".join(traceback.format_exception(error)), encoding="utf-8", errors="backslashreplace")
    return path
