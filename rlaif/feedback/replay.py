"""The transport that sends nothing: answers from an earlier run's store only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rlaif.config import ReplayConfig
from rlaif.errors import UserError
from rlaif.feedback.exchange import Request
from rlaif.feedback.exchange_store import ExchangeStore, reply_of, request_key, text_hash
from rlaif.feedback.lasting import lasts
from rlaif.feedback.work import Work

SHOWN_CHARS = 160


class Replay:
    """Replies recorded in a store's directory or in one of its JSONL files, found by messages and parameters.

    The model that gave them is not part of the question, so that whatever was recorded can be replayed; where several
    models answered the same request, `model` chooses.

    Raises:
        UserError: there is nothing at the path, or no record in it.
    """

    def __init__(self, config: ReplayConfig) -> None:
        if not config.path:
            raise UserError("feedback.replay.path: a store's directory or a JSONL file of records is needed")
        self._path, self._model = Path(config.path), config.model
        self._records = _read(self._path, config.model)

    @property
    def name(self) -> str:
        return f"replay:{self._model or self._path.name}"

    def decides(self, request: Request) -> Mapping[str, object]:
        return {"judge": "replay", "path": str(self._path.resolve()), "model": self._model, **_asked(request)}

    def run(self, work: Work) -> None:
        """Answer all work from the records.

        Raises:
            UserError: a request has no record; it says which.
        """
        while not work.finished:
            job = work.take()
            if job is None:
                continue
            record = self._records.get(request_key(_asked(job.request)))
            if record is None:
                shown = " ".join(job.request.messages[-1][1].split())[:SHOWN_CHARS]
                purpose = job.request.purpose or job.request.expects
                raise UserError(f"{self._path}: no recorded answer to {purpose}: {shown!r}")
            work.keep(job, reply_of(record), {"replayed": record.get("key"), "cost": 0.0})

    def close(self) -> None:
        pass


def _asked(request: Request) -> dict[str, object]:
    return {
        "messages": [[role, text_hash(text)] for role, text in request.messages],
        "max_tokens": request.max_tokens, "temperature": request.temperature, "num_samples": request.num_samples,
    }  # fmt: skip


def _read(path: Path, model: str | None) -> dict[str, dict[str, object]]:
    if not path.exists():
        raise UserError(f"feedback.replay.path: there is nothing at {path}")
    found: dict[str, dict[str, object]] = {}
    for record in ExchangeStore.read_files([path] if path.is_file() else sorted(path.glob("*.jsonl"))):
        if record.get("kind") != "answer" or model not in (None, record.get("asked_model"), record.get("model")):
            continue
        try:
            reply_of(record)
            asked = {name: record[name] for name in ("messages", "max_tokens", "temperature", "num_samples")}
        except (KeyError, TypeError, ValueError):
            continue
        key = request_key(asked)
        if key not in found or not lasts(reply_of(found[key])):
            found[key] = record
    if not found:
        raise UserError(f"feedback.replay.path: no record of an answer in {path}")
    return found
