"""Verdicts on disk, so that no snippet is run twice in the same environment."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from pathlib import Path

from filelock import FileLock

from rlaif.execution.verdict import Verdict


class VerdictCache:
    """An append-only JSONL file that several processes may share, and that survives a kill.

    A line holds a key and a verdict; a torn line is passed over, and mended by the next
    writer. Verdicts that another run might change, inconclusive ones and time-outs, are
    not kept.
    """

    def __init__(self, directory: Path, environment: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / "verdicts.jsonl"
        self._lock = FileLock(directory / "verdicts.lock")
        self._environment = environment
        self._verdicts: dict[str, Verdict] = {}
        self._read_bytes = 0

    def refresh(self) -> None:
        """Take in what has been appended since the last time, by whomever."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._read_bytes)
            new = file.read()
        whole = new.rfind(b"\n") + 1
        self._read_bytes += whole
        for line in new[:whole].splitlines():
            entry = _parse(line)
            if entry is not None:
                self._verdicts[entry[0]] = entry[1]

    def get(self, code: str) -> Verdict | None:
        return self._verdicts.get(self._key(code))

    def add(self, code: str, verdict: Verdict) -> None:
        """Keep a verdict; it is on disk when this returns."""
        if verdict.status == "inconclusive" or verdict.kind == "timeout":
            return
        key = self._key(code)
        self._verdicts[key] = verdict
        entry = {"key": key, **dataclasses.asdict(verdict)}
        with self._lock, self._path.open("ab+") as file:
            if file.tell() > 0:
                file.seek(-1, os.SEEK_END)
                if file.read() != b"\n":
                    file.write(b"\n")
            file.write(json.dumps(entry).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _key(self, code: str) -> str:
        content = code.encode("utf-8", "surrogatepass")
        return hashlib.sha256(self._environment.encode() + b"\0" + content).hexdigest()


def _parse(line: bytes) -> tuple[str, Verdict] | None:
    try:
        fields = json.loads(line)
        return fields.pop("key"), Verdict(**fields)
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        return None
