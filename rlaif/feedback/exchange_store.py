"""Every request that was ever sent and every answer that came, kept as it arrives and never paid for twice.

One directory serves all jobs of a sweep. Every process appends to a file of its own, so that no two ever write to
the same one; what the others have appended meanwhile is read when it is needed. A line is one record:

    {"key": ..., "kind": "answer", ...}     a reply, under the hash of what decided it
    {"text": ..., "content": ...}           a message's text, once, under its own hash
    {"failure": ..., "key": ..., ...}       an attempt that failed, and why

A kill can only leave a last line without its newline. Such a line, and any other that is no record, is passed over:
what it held is asked again.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rlaif.errors import UserError
from rlaif.feedback.exchange import Reply, Request, TokenLogprobs
from rlaif.feedback.lasting import lasts

SYNC_EVERY_S = 1.0
"""A killed process loses nothing that was kept; a power cut, at most this much."""
NUM_RECENT = 256
"""Replies held in memory; the others are read again where they are asked for."""
KEY_START, KEY_LENGTH = b'{"key": "', 64
TEXT_START = b'{"text": "'
ANSWER_START = b'", "kind": "answer", '
PLAIN_FINISH, PLAIN_TEXT, TAIL = b'"finish_reason": "stop"', b'"unreadable": ""', 512
"""What a record of a plain answer has near its end; within a text, quotes would be escaped. Others are looked at."""
PERHAPS_BLANK = re.compile(rb'"texts": \["(?:\s|\\[nrt]|\\u(?:0000|200.|2060|feff))*+(?:"|<\||</s>|<e)')
HEAD = 2048
"""Within it a record's texts begin, unless it is of many messages."""


def request_key(decides: Mapping[str, object]) -> str:
    """The hash of what decides an answer: the model, its parameters and the messages; no address, no concurrency."""
    content = json.dumps(decides, sort_keys=True)
    return hashlib.sha256(content.encode("ascii")).hexdigest()


class ExchangeStore:
    """Replies by key, on disk. In memory is where each of them lies.

    Raises:
        UserError: the directory cannot be used; the disk is full.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.num_lines_passed_over = 0
        self._places: dict[str, tuple[Path, int, int]] = {}
        self._no_answers: set[str] = set()
        """Keys of replies that do not last: they can be looked at, and are asked for again."""
        self._read_to: dict[Path, int] = {}
        self._texts: set[str] = set()
        self._recent: OrderedDict[str, Reply] = OrderedDict()
        self._path: Path | None = None
        self._descriptor = -1
        self._size = 0
        self._synced = time.monotonic()
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"feedback store {directory}: {error.strerror}") from None
        self.refresh()

    def __len__(self) -> int:
        return len(self._places) - len(self._no_answers)

    def __contains__(self, key: str) -> bool:
        """Whether there is an answer under a key."""
        return key in self._places and key not in self._no_answers

    def get(self, key: str) -> Reply | None:
        """The reply under a key; None where there is none, or where its line is damaged."""
        recent = self._recent.get(key)
        if recent is not None:
            return recent
        record = self.record(key)
        try:
            return None if record is None else reply_of(record)
        except (KeyError, TypeError, ValueError):
            self._forget(key)
            return None

    def record(self, key: str) -> dict[str, Any] | None:
        """The whole record of an answer, as it was written."""
        place = self._places.get(key)
        if place is None:
            return None
        path, start, length = place
        with path.open("rb") as file:
            file.seek(start)
            line = file.read(length)
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            return self._forget(key)
        return record if isinstance(record, dict) else self._forget(key)

    def answers(self) -> Iterator[dict[str, Any]]:
        """The records of all answers at hand."""
        for key in list(self._places):
            record = self.record(key)
            if record is not None:
                yield record

    @staticmethod
    def read_files(paths: Sequence[Path]) -> Iterator[dict[str, Any]]:
        """Every line of these files that is a record: answers, texts and failures."""
        for path in paths:
            for line in path.read_bytes().splitlines():
                try:
                    record = json.loads(line)
                except (ValueError, RecursionError):
                    continue
                if isinstance(record, dict):
                    yield record

    def keep(self, key: str, request: Request, reply: Reply, details: Mapping[str, object]) -> None:
        """Keep a reply. When this returns, killing the process does not lose it."""
        record = json.dumps({"key": key, "kind": "answer", **_of_request(request), **_of_reply(reply), **details})
        texts = self._new_texts(request)
        start = self._write((texts + record + "\n").encode("ascii")) + len(texts)
        assert self._path is not None
        self._place(key, (self._path, start, len(record)), lasts(reply))
        self._recent[key] = reply
        if len(self._recent) > NUM_RECENT:
            self._recent.popitem(last=False)

    def note_failure(self, key: str, failure: str, details: Mapping[str, object]) -> None:
        """Keep a failed attempt: what it was, what it may have cost."""
        self._write((json.dumps({"failure": failure, "key": key, **details}) + "\n").encode("ascii"))

    def refresh(self) -> None:
        """Read what other processes have appended since the last time."""
        try:
            with os.scandir(self.directory) as entries:
                grown = [(Path(entry.path), entry.stat().st_size) for entry in entries if entry.name.endswith(".jsonl")]
        except OSError as error:
            raise UserError(f"feedback store {self.directory}: {error.strerror}") from None
        for path, size in sorted(grown):
            if path != self._path and size > self._read_to.get(path, 0):
                self._read(path)

    def close(self) -> None:
        """Flush to the disk. The store can be written to again."""
        if self._descriptor >= 0:
            os.fsync(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1
            assert self._path is not None
            self._read_to[self._path] = self._size
            self._path = None

    def __enter__(self) -> ExchangeStore:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _read(self, path: Path) -> None:
        start = self._read_to.get(path, 0)
        with path.open("rb") as file:
            file.seek(start)
            content = file.read()
        whole = content.rfind(b"\n") + 1
        position = 0
        while position < whole:
            end = content.index(b"\n", position, whole)
            self._index(content[position:end], path, start + position)
            position = end + 1
        self._read_to[path] = start + whole

    def _index(self, line: bytes, path: Path, start: int) -> None:
        """Note where a line lies; only what it begins and ends with is looked at, the rest when it is asked for."""
        if not line.endswith(b"}"):
            self.num_lines_passed_over += 1
        elif line.startswith(KEY_START) and line.startswith(ANSWER_START, len(KEY_START) + KEY_LENGTH):
            key = line[len(KEY_START) : len(KEY_START) + KEY_LENGTH].decode("ascii", "replace")
            if key not in self._places or key in self._no_answers:
                tail = line[-TAIL:]
                plain = PLAIN_FINISH in tail and PLAIN_TEXT in tail and not PERHAPS_BLANK.search(line, 0, HEAD)
                self._place(key, (path, start, len(line)), plain or _lasts(line))
        elif line.startswith(TEXT_START):
            self._texts.add(line[len(TEXT_START) : len(TEXT_START) + KEY_LENGTH].decode("ascii", "replace"))
        elif not line.startswith(b'{"failure": '):
            self.num_lines_passed_over += 1

    def _place(self, key: str, place: tuple[Path, int, int], is_answer: bool) -> None:
        if is_answer:
            self._no_answers.discard(key)
        else:
            self._no_answers.add(key)
        self._places[key] = place

    def _forget(self, key: str) -> dict[str, Any] | None:
        self.num_lines_passed_over += 1
        self._places.pop(key, None)
        self._no_answers.discard(key)
        return None

    def _new_texts(self, request: Request) -> str:
        """The records of the message texts that are not yet on disk."""
        lines = []
        for _, text in request.messages:
            digest = text_hash(text)
            if digest not in self._texts:
                self._texts.add(digest)
                lines.append(json.dumps({"text": digest, "content": text}) + "\n")
        return "".join(lines)

    def _write(self, lines: bytes) -> int:
        """Append, and return where it begins. After a failure the file ends with a whole line again."""
        try:
            if self._descriptor < 0:
                self._path = self.directory / f"{os.getpid()}-{secrets.token_hex(6)}.jsonl"
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
                self._descriptor, self._size = os.open(self._path, flags, 0o644), 0
            self._write_whole(lines)
            if time.monotonic() - self._synced > SYNC_EVERY_S:
                os.fdatasync(self._descriptor)
                self._synced = time.monotonic()
        except OSError as error:
            raise UserError(f"feedback store {self.directory}: {error.strerror}; {len(self)} answers kept") from None
        return self._size - len(lines)

    def _write_whole(self, lines: bytes) -> None:
        left = lines
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError:
            os.ftruncate(self._descriptor, self._size)
            raise
        self._size += len(lines)


def _lasts(line: bytes) -> bool:
    """Whether a record is of an answer: earlier versions kept other replies too. A damaged one is found out later."""
    try:
        return lasts(reply_of(json.loads(line)))
    except (KeyError, TypeError, ValueError, RecursionError):
        return True


def text_hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def reply_of(record: Mapping[str, Any]) -> Reply:
    """A record's reply. KeyError, TypeError or ValueError where it is none."""
    tokens = tuple(
        TokenLogprobs(str(token), tuple((str(word), float(logprob)) for word, logprob in top))
        for token, top in record["tokens"]
    )
    return Reply(
        tuple(map(str, record["texts"])), tokens, record["finish_reason"], record["model"],
        record["num_input_tokens"], record["num_output_tokens"], record["unreadable"],
        tuple(map(str, record.get("thoughts", ()))), tuple(map(str, record.get("finish_reasons", ()))),
    )  # fmt: skip


def _of_request(request: Request) -> dict[str, object]:
    return {
        "messages": [[role, text_hash(text)] for role, text in request.messages],
        "num_chars": sum(len(text) for _, text in request.messages),
        "expects": request.expects, "max_tokens": request.max_tokens, "temperature": request.temperature,
        "num_samples": request.num_samples, "purpose": request.purpose,
    }  # fmt: skip


def _of_reply(reply: Reply) -> dict[str, object]:
    apart = {"thoughts": reply.thoughts, "finish_reasons": reply.finish_reasons}
    return {
        "texts": reply.texts, "tokens": [[one.token, one.top] for one in reply.tokens],
        "finish_reason": reply.finish_reason, "model": reply.model, "num_input_tokens": reply.num_input_tokens,
        "num_output_tokens": reply.num_output_tokens, "unreadable": reply.unreadable,
        **{name: values for name, values in apart.items() if values},
    }  # fmt: skip
