"""Text stays as it was typed: `policy.revision=5e102341` is a commit, not an infinite number.

Hydra reads what looks like a number before it knows that the key holds text, and writes the
number out again. Such values get quotes before Hydra sees them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rlaif.explain import hint_in
from rlaif.fields import kinds_of

OF_TEXTS = ("choice", "shuffle", "tag", "str")
"""Functions of Hydra's grammar whose arguments may be texts; the others take numbers, or cast."""


@dataclass(frozen=True)
class Token:
    """A piece of an override's value in Hydra's grammar."""

    kind: str
    """The lexer's name of it: INT, FLOAT, BOOL, ID, COMMA, ..."""
    text: str


@dataclass
class _Inside:
    """A list, a dict or a call that is open, and the type of its next entry."""

    kind: str
    outer: Any
    """The type of the whole."""
    entry: Any


def as_typed(tokens: Sequence[Token], hint: Any) -> str:
    """An override's value, with quotes around what would change on its way into a text.

    Args:
        tokens: All of the value, so that their texts together are the value.
        hint: The type that the schema has for the key.
    """
    inside = [_Inside("", hint, hint)]
    written = []
    for position, token in enumerate(tokens):
        before = tokens[position - 1].kind if position else "COMMA"
        after = tokens[position + 1].kind if position + 1 < len(tokens) else "COMMA"
        here = inside[-1]
        if token.kind == "BRACKET_OPEN":
            inside.append(_Inside("list", here.entry, hint_in(here.entry, "0")))
        elif token.kind == "BRACE_OPEN":
            inside.append(_Inside("dict", here.entry, None))
        elif token.kind == "POPEN":
            of_texts = tokens[position - 1].text in OF_TEXTS
            inside.append(_Inside("call", here.entry, here.entry if of_texts else None))
        elif token.kind in ("BRACKET_CLOSE", "BRACE_CLOSE", "PCLOSE"):
            inside.pop()
        elif here.kind == "dict" and token.kind == "COLON":
            here.entry = hint_in(here.outer, tokens[position - 1].text.strip("'\""))
        elif here.kind == "dict" and token.kind == "COMMA":
            here.entry = None
        alone = before in _OPENS and after in _CLOSES
        written.append(f"'{token.text}'" if alone and _changes(token, here.entry) else token.text)
    return "".join(written)


_OPENS = ("COMMA", "BRACKET_OPEN", "POPEN", "COLON", "EQUAL")
_CLOSES = ("COMMA", "BRACKET_CLOSE", "BRACE_CLOSE", "PCLOSE")


def _changes(token: Token, hint: Any) -> bool:
    """Whether a text would come out otherwise than it was typed."""
    if str not in kinds_of(hint):
        return False
    if token.kind == "INT":
        return str(int(token.text)) != token.text
    if token.kind == "FLOAT":
        return str(float(token.text)) != token.text
    return token.kind == "BOOL" and token.text not in ("True", "False")
