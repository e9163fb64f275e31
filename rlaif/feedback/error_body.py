"""What the body of an error says: the reason for people, and the fields of the request that it names."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

SHOWN_CHARS = 200
MOST_ITEMS = 8
"""Of a list of errors, so many are read."""
SAID_UNDER = (
    "error", "errors", "message", "msg", "detail", "error_message", "error_msg", "errorMessage", "error_description",
    "description", "details", "fieldViolations", "field", "reason", "reasons", "title", "metadata", "raw",
    "innererror", "issues", "code", "type", "error_type", "status",
)  # fmt: skip
"""The keys under which servers say why, the telling ones first."""
FIELDS = ("logprobs", "top_logprobs", "max_tokens", "max_completion_tokens", "temperature", "n", "stream")
"""Fields of ours under which some frameworks put what is wrong with them."""
NOT_NAMES = ("body", "query", "request", "generation_config", "generationConfig", "parameters", "options")
"""What an error puts before a field's name: where the field stands."""
EVENT = re.compile(rb"\A\s*(?:event:[^\n]*\n)?data:")
"""Before an error that is sent as an event of a stream."""
TITLE = re.compile(rb"<(title|h1)\b[^>]*>(.*?)</\1>", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Said:
    """An error's reason in one text, and the names of fields under `param`, `loc` or `field`."""

    reason: str = ""
    fields: tuple[str, ...] = ()


def read_error(body: bytes) -> Said:
    """What a body says, whatever it is: JSON of any server's form, a page, a text, nothing."""
    try:
        content = json.loads(EVENT.sub(b"", body, count=1))
    except (ValueError, RecursionError):
        return Said(_of_text(body))
    return said_by(content)


def said_by(content: object) -> Said:
    """What an error says that was JSON."""
    reason = " ".join(dict.fromkeys(_texts(content)))
    return Said(reason, tuple(dict.fromkeys(_names(content))))


def one_line(text: str) -> str:
    return " ".join(text.split())[:SHOWN_CHARS]


def _of_text(body: bytes) -> str:
    title = TITLE.search(body[:20_000])
    if title:
        return title.group(2).decode("utf-8", "replace")
    text = body[:2000].decode("utf-8", "replace").strip()
    return "" if text.startswith("<") else text


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        inner = _json_in(value)
        if inner is not None:
            yield from _texts(inner)
        elif value.strip():
            yield value.strip()
    elif isinstance(value, list):
        for item in value[:MOST_ITEMS]:
            yield from _texts(item)
    elif isinstance(value, dict) and "loc" in value and "msg" in value:  # pydantic; its `input` is our own request
        yield f"{_place(value['loc'])}: {value['msg']}"
        yield from _texts(value.get("type"))
    elif isinstance(value, dict):
        for key in SAID_UNDER:
            yield from _texts(value.get(key))
        for key in _own_fields(value):
            yield from (f"{key}: {text}" for text in _texts(value[key]))
        if "maximum" in value and _is_path(value):  # zod
            yield f"{_place(value['path'])}: at most {value['maximum']}"


def _names(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield from _names(_json_in(value))
    elif isinstance(value, list):
        for item in value[:MOST_ITEMS]:
            yield from _names(item)
    elif isinstance(value, dict):
        for key in ("param", "parameter", "field", "loc"):
            name = _place(value.get(key))
            if name:
                yield name
        if _is_path(value):
            yield _place(value["path"])
        yield from _own_fields(value)
        for key in SAID_UNDER:
            if isinstance(value.get(key), (dict, list, str)):
                yield from _names(value[key])


def _own_fields(value: dict[str, Any]) -> list[str]:
    return [key for key in FIELDS if isinstance(value.get(key), (str, list))]


def _is_path(value: dict[str, Any]) -> bool:
    """Whether a `path` leads to a field; a text is the URL that was called."""
    return isinstance(value.get("path"), list)


def _json_in(text: str) -> Any:
    """What a text says that is JSON itself, as gateways pass on what a server behind them said; else None."""
    if not text.lstrip().startswith(("{", "[{")):
        return None
    with suppress(ValueError, RecursionError):
        return json.loads(text)
    with suppress(ValueError, SyntaxError, RecursionError, MemoryError):
        return ast.literal_eval(text.strip())  # as Python prints it
    return None


def _place(place: object) -> str:
    """A field's name: "top_logprobs" of ["body", "top_logprobs"] and of "generation_config.top_logprobs"."""
    parts = place.split(".") if isinstance(place, str) else place if isinstance(place, (list, tuple)) else []
    names = [str(part) for part in parts if part not in NOT_NAMES and not isinstance(part, dict)]
    return ".".join(names)
