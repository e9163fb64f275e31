"""The label store: every answer that a judge ever gave, kept as it arrives and never paid for twice.

One directory serves all jobs of a sweep. Every process appends to a file of its own, so
that no two ever write to the same one and no lock is needed; opening the store reads
them all. A line is one answer under the hash of what decided it. A kill can only leave
a last line without its newline, which readers pass over.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from rlaif.errors import UserError
from rlaif.records import Answer

SYNC_EVERY_S = 1.0
"""A killed process loses nothing that `append` took; a power cut, at most this much."""


def answer_key(identity: Mapping[str, object], reads: Mapping[str, object]) -> str:
    """The hash of what decides an answer: the judge's identity and what it reads of the item."""
    content = json.dumps([identity, reads], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


class LabelStore:
    """Answers by key, on disk and in memory.

    Raises:
        UserError: the directory or a file in it cannot be used; a line that is not an answer.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._answers: dict[str, Answer] = {}
        self._descriptor: int | None = None
        self._synced = time.monotonic()
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"label store {directory}: {error.strerror}") from None
        for path in sorted(directory.glob("*.jsonl")):
            self._answers.update(_read_answers(path))

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: str) -> Answer | None:
        """The answer under a key. Its sample id is that of the sample which was asked about first."""
        return self._answers.get(key)

    def append(self, key: str, answer: Answer) -> None:
        """Keep an answer. When this returns, killing the process does not lose it."""
        line = json.dumps({"key": key, "answer": dataclasses.asdict(answer)}) + "\n"
        try:
            self._write(line.encode("ascii"))
        except OSError as error:
            raise UserError(f"label store {self.directory}: {error.strerror}; {len(self)} answers are kept") from None
        self._answers[key] = answer

    def close(self) -> None:
        """Flush to the disk. The store can be appended to again."""
        if self._descriptor is not None:
            os.fsync(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> LabelStore:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _write(self, line: bytes) -> None:
        if self._descriptor is None:
            path = self.directory / f"{os.getpid()}-{secrets.token_hex(6)}.jsonl"
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        while line:
            line = line[os.write(self._descriptor, line) :]
        if time.monotonic() - self._synced > SYNC_EVERY_S:
            os.fsync(self._descriptor)
            self._synced = time.monotonic()


def _read_answers(path: Path) -> Iterator[tuple[str, Answer]]:
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            stored = json.loads(line)
            yield stored["key"], Answer(**stored["answer"])
        except (ValueError, TypeError, KeyError):
            raise UserError(f"{path}:{number}: not an answer of a judge; delete the line") from None
