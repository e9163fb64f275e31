"""A streamed body, as some servers send whatever is asked, to the chat completion that its pieces spell.

Server-sent events (`data: {...}` lines, comments, `[DONE]`) and a JSON object a line, as Ollama streams. A stream
that neither says that it is done nor gives every choice a finish_reason was cut off.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from rlaif.pattern import Pattern

LINE_END = Pattern(r"\r\n|\n|\r")
"""Of the event-stream format. `str.splitlines` would also break at U+2028, which JSON leaves as it is."""
DONE = "[DONE]"
MOST_LINES = 200
"""Of one event's data."""
EVENT = Pattern(r"\s*(?:data|event|id|retry)?:")


class StreamBroken(Exception):
    """A stream that was cut off, that reports an error, or that is of no chat completion: one line."""


def unstreamed(text: str) -> dict[str, Any] | None:
    """The chat completion of a streamed body; None where the text is no stream.

    Raises:
        StreamBroken: it is a stream, but no whole answer.
    """
    text = text.removeprefix("\ufeff")
    if EVENT.match(text):
        events = _events(text)
    elif text.lstrip().startswith("{"):
        events = _lines(text)
    else:
        return None
    return _Joined().of(events)


def _events(text: str) -> Iterator[Any]:
    """The data of each event, parsed, and DONE. Data of one event may stand in several lines."""
    pending: list[str] = []
    for line in LINE_END.split(text):
        if not line.startswith("data:"):
            if not pending and line.lstrip().startswith("{"):  # a plain body after comments that kept the line open
                yield _parsed(text[text.index(line) :])
                yield DONE
                return
            continue
        pending.append(line[5:].strip())
        if pending == [DONE]:
            yield DONE
        else:
            try:
                yield json.loads("\n".join(pending))
            except (ValueError, RecursionError):
                if len(pending) == MOST_LINES:
                    break
                continue
        pending = []
    if pending:
        raise StreamBroken("the stream was cut off within an event")


def _lines(text: str) -> Iterator[Any]:
    lines = [line for line in LINE_END.split(text) if line.strip()]
    if len(lines) < 2:
        raise StreamBroken("not JSON")
    yield from map(_parsed, lines)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise StreamBroken("not JSON") from None


class _Joined:
    """The pieces of a stream, put together."""

    def __init__(self) -> None:
        self._whole: dict[str, Any] = {}
        self._choices: dict[int, dict[str, Any]] = {}
        self._done = False
        self._kinds: set[str] = set()

    def of(self, events: Iterator[Any]) -> dict[str, Any]:
        for event in events:
            if event == DONE:
                self._done = True
            elif isinstance(event, dict):
                self._add(event)
        if not self._choices and self._kinds:
            raise StreamBroken(f"the answer is a stream of {', '.join(sorted(self._kinds))}, not of a chat completion")
        choices = [self._choices[index] for index in sorted(self._choices)]
        if not self._done and not (choices and all(choice["finish_reason"] for choice in choices)):
            raise StreamBroken("the stream was cut off")
        return {**self._whole, "choices": [_finished(choice) for choice in choices]}

    def _add(self, event: dict[str, Any]) -> None:
        if event.get("error"):
            self._whole["error"] = event["error"]
        for key in ("model", "usage"):
            if event.get(key):
                self._whole[key] = event[key]
        if isinstance(event.get("message"), dict):  # Ollama
            self._add_choice({"delta": event["message"], "finish_reason": event.get("done_reason")})
            if event.get("done"):
                self._done = True
                counts = {"prompt_tokens": event.get("prompt_eval_count"), "completion_tokens": event.get("eval_count")}
                self._whole["usage"] = counts
        elif isinstance(event.get("choices"), list):
            for choice in event["choices"]:
                if isinstance(choice, dict):
                    self._add_choice(choice)
        elif isinstance(event.get("type"), str):
            self._kinds.add(repr(event["type"]))

    def _add_choice(self, choice: dict[str, Any]) -> None:
        index = choice.get("index")
        known = self._choices.setdefault(
            index if isinstance(index, int) else 0, {"message": {}, "finish_reason": None, "tokens": []}
        )
        delta = choice.get("delta") or choice.get("message") or {"content": choice.get("text")}
        if isinstance(delta, dict):
            for name, piece in delta.items():
                known["message"].setdefault(name, []).extend(piece if isinstance(piece, list) else [piece])
        for key in ("finish_reason", "error"):
            known[key] = choice.get(key) or known.get(key)
        logprobs = choice.get("logprobs")
        if isinstance(logprobs, dict) and isinstance(logprobs.get("content"), list):
            known["tokens"] += logprobs["content"]


def _finished(choice: dict[str, Any]) -> dict[str, Any]:
    message = {name: _whole(pieces) for name, pieces in choice["message"].items()}
    tokens = {"content": choice["tokens"]} if choice["tokens"] else None
    finished = {"message": message, "finish_reason": choice["finish_reason"], "logprobs": tokens}
    return {**finished, "error": choice["error"]} if choice.get("error") else finished


def _whole(pieces: list[Any]) -> Any:
    """Texts end to end; where some are parts with a type, a list of parts."""
    pieces = [piece for piece in pieces if piece is not None]
    if all(isinstance(piece, str) for piece in pieces):
        return "".join(pieces)
    return [{"type": "text", "text": piece} if isinstance(piece, str) else piece for piece in pieces]
