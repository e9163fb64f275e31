"""Code in a JSON object: {"code": "..."}, a call of a tool, a cell of a notebook."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from rlaif.data.program.language import language_of
from rlaif.pattern import Pattern

MAX_DEPTH = 6

_CODE_KEY = Pattern(r"(?:\w+[ _-])?(?:code|program|script|snippet|implementation|python|source)(?:[ _-]\w+)?", re.I)
_ANSWER_KEY = Pattern(
    r"(?:final[ _-]?)?(?:answer|solution|response|completion|output|content|text|result|message|cmd|input)", re.I
)
_LANGUAGE_KEYS = ("language", "lang", "kernel")

ReadText = Callable[[str], str | None]


def json_value(text: str) -> Any:
    """What a JSON text says; None where it is none, whatever is wrong with it. Line breaks in strings are taken."""
    if text[:1] not in ("{", "[", '"'):
        return None
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def code_in_json(value: Any, read: ReadText) -> str | None:
    """The code in an object or a list of them; None where there is none.

    A value under a name that says code is code. One under a name that says answer is where ``read`` finds a program
    in it.
    """
    return next(_codes(value, read, MAX_DEPTH), None)


def _codes(value: Any, read: ReadText, depth: int) -> Iterator[str]:
    if depth == 0:
        return
    if isinstance(value, list):
        for item in value:
            yield from _codes(item, read, depth - 1)
    if not isinstance(value, dict) or any(language_of(str(value.get(key) or "")) == "other" for key in _LANGUAGE_KEYS):
        return
    for pattern in (_CODE_KEY, _ANSWER_KEY):
        for name, item in value.items():
            written = _as_text(item) if pattern.fullmatch(name) else None
            if written is None or not written.strip():
                continue
            code = read(written)
            if code is None and pattern is _CODE_KEY and not _is_word(written):
                code = written
            if code is not None:
                yield code
    for item in value.values():
        nested = json_value(item) if isinstance(item, str) and item.lstrip()[:1] in ("{", "[") else item
        yield from _codes(nested, read, depth - 1)


def _as_text(item: Any) -> str | None:
    """A text, or a text that is given as the list of its lines, as notebooks have it."""
    if isinstance(item, list) and item and all(isinstance(line, str) for line in item):
        return "\n".join(line.removesuffix("\n") for line in item)
    return item if isinstance(item, str) else None


def _is_word(text: str) -> bool:
    """Whether a value is a name or a number, as in {"source": "web", "code": "200"}."""
    return re.fullmatch(r"[\w./:-]+", text.strip()) is not None
