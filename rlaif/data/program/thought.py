"""What a policy that thinks aloud writes before its program: a draft in a thought is no answer (`rlaif.data.thought`).

Programs hold what looks like a mark in their strings and comments; there it marks nothing. Of several parts outside
thoughts the last one that shows code counts, also where another thought begins behind it and is cut off.
"""

from __future__ import annotations

import re

from rlaif.data.program.bare import program_within, whole_program
from rlaif.data.program.marks import may_have_marks
from rlaif.data.program.turns import Span, code_spans, is_within, stands_in_line_of_code
from rlaif.data.thought import BEGIN_TOKENS, END_TOKENS, LONGEST_END, MARK, is_at_line_start, parts_outside_thoughts
from rlaif.pattern import Pattern

_SPOKEN_STARTS = ("analysis", "assistantanalysis", "Here is my ", "Here's my ")
_QUOTES = "\"'`"
_WITHIN_TAGS = Pattern(r"\s*<(answer|response|final_answer)>(.*?)(?:</\1>\s*)?\Z", re.DOTALL)


def answer_of(text: str, steps: list[str]) -> str:
    """The text without the thought before it, "" where that never ends; appends to ``steps`` what was left out."""
    if text.endswith(">"):
        text = _without_end_of_turn(text, steps)
    if not may_think(text):
        return text
    parts = _parts(text)
    if parts is not None:
        steps.append("thought")
        text = _without_end_of_turn(next(filter(_shows_code, reversed(parts)), "".join(parts)).strip(), steps)
    within = _WITHIN_TAGS.match(text) if text[:1] == "<" else None
    return text if within is None or not within[2].strip() or "```" in text else within[2].strip()


def may_think(text: str) -> bool:
    """Decided by substrings, as every completion is asked."""
    return (
        "</" in text
        or "<|" in text
        or "hink>" in text
        or "THINK" in text
        or "◁" in text
        or (text[:1] == "<" and text[1:2] != "<")
        or text.startswith(_SPOKEN_STARTS)
    )


def _parts(text: str) -> list[str] | None:
    """What is no thought; None where there is none."""
    spans: list[Span] | None = None

    def is_mark(text: str, mark: re.Match[str]) -> bool:
        nonlocal spans
        if not _is_outside_strings(text, mark):
            return False
        spans = code_spans(text, MARK) if spans is None else spans
        if is_within(mark.start(), spans):
            return False
        return not mark["open"] or mark[0].startswith("<|") or is_at_line_start(text, mark.start())

    parts, opened, num_closed = parts_outside_thoughts(text, is_mark)
    if opened < 0 and not num_closed:
        return None
    shown = (text[start:end] for start, end in parts)
    return [_without_begin_tokens(part) for part in shown if part.strip()]


def _is_outside_strings(text: str, found: re.Match[str]) -> bool:
    """Whether the mark is no part of a string, of a code span or of a comment of the answer."""
    if found.start() and text[found.start() - 1] in _QUOTES:
        return text.endswith("```", 0, found.start())
    if text[found.end() : found.end() + 1] in ('"', "'", "`"):
        return text.startswith("```", found.end())
    return not stands_in_line_of_code(text, found.start(), found.end())


def _shows_code(part: str) -> bool:
    return (
        "<<" in part
        or may_have_marks(part)
        or whole_program(part.strip()) is not None
        or program_within(part) is not None
    )


def _without_begin_tokens(part: str) -> str:
    begin = BEGIN_TOKENS.match(part)
    return part if begin is None else part[begin.end() :]


def _without_end_of_turn(text: str, steps: list[str]) -> str:
    found = END_TOKENS.search(text, max(0, len(text) - LONGEST_END))
    if found is None or not found[0].strip():
        return text
    if "end_of_turn" not in steps:
        steps.append("end_of_turn")
    return text[: found.start()]
