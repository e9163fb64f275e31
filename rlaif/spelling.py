"""Text stays as it was typed: `policy.revision=5e102341` is a commit, not an infinite number.

Hydra reads what looks like a number before it knows that the key holds text, and writes the
number out again. It takes letters of ASCII only, unless they are quoted. Such values get quotes before
Hydra sees them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rlaif.explain import hint_at, hint_in
from rlaif.fields import kinds_of

YAML_NUMBERS = re.compile(r".*e.*|.*\.0|-?inf|nan")
"""Numbers that may have been written otherwise: 5e1, 1.10 and .inf come out as 50.0, 1.1 and inf."""
OF_TEXTS = ("choice", "shuffle", "tag", "str")
"""Functions of Hydra's grammar whose arguments may be texts; the others take numbers, or cast."""
UNKNOWN = "UNKNOWN"
"""The kind of a piece that is none in Hydra's grammar."""


@dataclass(frozen=True)
class Token:
    """A piece of an override's value in Hydra's grammar."""

    kind: str
    """The lexer's name of it: INT, FLOAT, BOOL, ID, COMMA, ..., or UNKNOWN."""
    text: str


def override_as_typed(line: str, pieces: Sequence[tuple[str, int, int]]) -> str:
    """An override whose text stays text.

    Args:
        pieces: What Hydra's lexer finds in the line: the kind of each, where it begins, and where it has ended.
    """
    tokens = _tokens_of(line, pieces)
    equal = next((position for position, token in enumerate(tokens) if token.kind == "EQUAL"), len(tokens))
    key = "".join(token.text for token in tokens[:equal])
    hint = hint_at(key.lstrip("+~").partition("@")[0].replace("/", "."))
    return "".join(token.text for token in tokens[: equal + 1]) + as_typed(tokens[equal + 1 :], hint)


def _tokens_of(line: str, pieces: Sequence[tuple[str, int, int]]) -> list[Token]:
    """The pieces with what the lexer leaves out, since it does not know it; their texts together are the line."""
    tokens, done = [], 0
    for kind, start, end in [*pieces, ("", len(line), len(line))]:
        tokens += [Token(UNKNOWN, line[done:start]), Token(kind, line[start:end])]
        done = end
    return [token for token in tokens if token.text]


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
    tokens = _with_quotes(tokens)
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
            of_texts = position > 0 and tokens[position - 1].text in OF_TEXTS
            inside.append(_Inside("call", here.entry, here.entry if of_texts else None))
        elif token.kind in ("BRACKET_CLOSE", "BRACE_CLOSE", "PCLOSE") and len(inside) > 1:
            inside.pop()
        elif here.kind == "dict" and token.kind == "COLON":
            here.entry = hint_in(here.outer, tokens[position - 1].text.strip("'\""))
        elif here.kind == "dict" and token.kind == "COMMA":
            here.entry = None
        alone = before in _OPENS and after in _CLOSES
        written.append(quoted(token.text) if alone and _changes(token, here.entry) else token.text)
    return "".join(written)


def quoted(text: str) -> str:
    """A text in quotes, as Hydra reads them: a backslash counts in front of a quote and at the end only."""
    escaped = re.sub(r"(\\*)'", r"\1\1\'", text)
    return f"'{escaped}{escaped[len(escaped.rstrip(chr(92))) :]}'"


def _with_quotes(tokens: Sequence[Token]) -> list[Token]:
    """The tokens, with every value that has a piece which Hydra does not know as one quoted text."""
    done: list[Token] = []
    run: list[Token] = []
    braces = 0
    for token in [*tokens, Token("COMMA", "")]:
        ends = token.kind in _BETWEEN_TEXTS or (token.kind == "COLON" and braces)
        braces += (token.kind == "BRACE_OPEN") - (token.kind == "BRACE_CLOSE")
        if not ends:
            run.append(token)
            continue
        if any(piece.kind == UNKNOWN for piece in run):
            text = "".join(piece.text[1:] if piece.kind == "ESC" else piece.text for piece in run)
            run = [Token("QUOTED_VALUE", quoted(text.strip()))]
        done += [*run, token]
        run = []
    return done[:-1]


_BETWEEN_TEXTS = (
    "COMMA", "BRACKET_OPEN", "BRACKET_CLOSE", "BRACE_OPEN", "BRACE_CLOSE", "POPEN", "PCLOSE", "QUOTED_VALUE",
)  # fmt: skip


def numbers_for_texts(file: str, content: Any, key: str = "") -> Iterator[str]:
    """What a YAML file writes as a number or truth value where the schema has a text, one line each.

    Args:
        file: Its name, for the message.
        content: What was read of it below a dotted key.
    """
    if isinstance(content, Mapping):
        for name, value in content.items():
            yield from numbers_for_texts(file, value, f"{key}.{name}" if key else str(name))
    elif str in kinds_of(hint_at(key)) and (
        isinstance(content, bool) or (isinstance(content, float) and YAML_NUMBERS.fullmatch(str(content)))
    ):
        yield f"{key}: {content} in {file} is no text to YAML; put what is meant in quotes"


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
