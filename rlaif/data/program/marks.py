"""What marks there are in a text, and where they mark nothing: fences, tags, prompts."""

from __future__ import annotations

from collections.abc import Sequence

from rlaif.data.normalise import dedent, parses
from rlaif.data.program.bare import program_around
from rlaif.data.program.fences import fenced_blocks
from rlaif.data.program.tags import Tagged, tagged_parts
from rlaif.pattern import Pattern

_CLOSING_ALONE = Pattern(r"\s*</(code|pre|python|script|answer|solution)>\Z")


def may_have_marks(text: str) -> bool:
    return "```" in text or "~~~" in text or may_have_tags(text)


def may_have_tags(text: str) -> bool:
    """Whether the text may have markers other than fences; decided by substrings, as every completion is asked."""
    return (
        "</" in text
        or "<|" in text
        or "<code" in text
        or "<py" in text
        or "[PYTHON]" in text
        or "[BEGIN]" in text
        or "[code=" in text
        or "[CODE]" in text
        or "[code]" in text
        or "BEGIN " in text
        or " START" in text
        or "\\begin{" in text
        or "{%" in text
        or "'''py" in text
        or '"""py' in text
    )


def first_fence(text: str) -> int:
    return min((at for at in (text.find("```"), text.find("~~~")) if at >= 0), default=len(text))


def program_around_marks(text: str) -> tuple[str, str] | None:
    """(prose, code) of bare code that holds the text's first mark in a string or a comment, as in a docstring."""
    mark = min(first_fence(text), text.find(">>> ") % (len(text) + 1))
    if may_have_tags(text):
        mark = min(mark, next((part.start for part in tagged_parts(text, 1)), mark))
    return program_around(text, mark) if mark < len(text) else None


def is_quoted(text: str, position: int) -> bool:
    """Whether the place is within a string of several lines."""
    return position < len(text) and any(text.count(quote, 0, position) % 2 for quote in ('"""', "'''"))


def has_code_block(text: str, parts: Sequence[Tagged]) -> bool:
    bodies = [*(block.body for block in fenced_blocks(text)), *(part.body for part in parts)]
    return any(body.strip() and parses(dedent(body, [])) for body in bodies)


def plain_fence(raw: str) -> str:
    """What is between the first fences, or before the only one, of a section whose blocks look like no Python."""
    blocks = fenced_blocks(raw)
    before = raw[: blocks[0].start] if blocks else raw.split("```", 1)[0]
    if before.strip():
        return before
    return next((block.body for block in blocks if block.body.strip()), raw.strip().strip("`"))


def without_lone_closing(text: str) -> str:
    """The text without a tag at its end that closes what nothing opened."""
    closing = _CLOSING_ALONE.search(text, max(0, len(text) - 32))
    return text if closing is None or f"<{closing[1]}" in text else text[: closing.start()]
