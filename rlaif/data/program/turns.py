"""Where an answer ends although the text goes on: a base model writes the next turn, too, and answers it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rlaif.data.normalise import dedent, parses
from rlaif.data.program.bare import whole_program
from rlaif.data.program.fences import fenced_blocks
from rlaif.pattern import Pattern

_NEXT_TURN = Pattern(
    r"<\|(?:im_end|endoftext|eot_id|end_of_text|end|return|end_of_turn|user|EOT)\|>(?!\s*<\|\w+\|>\s*assistant\b)"
    r"|<\|(?:im_start|start_header_id)\|>(?!\s*assistant\b)"  # what the assistant goes on with is its answer
    r"|</s>|<eos>|<end_of_turn>|<start_of_turn>|<｜(?:end▁of▁sentence|User)｜>|\[INST\]"
    r"|^#{2,4}[ \t]?(?:Instruction|Human|User)[ \t]*(?::|$)",
    re.MULTILINE,
)


_ANSWER = Pattern(r"^#{2,4}[ \t]?(?:Output|Response|Answer|Assistant)\b", re.MULTILINE)
_CODE_SECTION = "<<<code>>>:"
MAX_LINE_CHARS = 500
"""Longer lines are taken for prose."""
Span = tuple[int, int]


def code_spans(text: str, mark: Pattern) -> list[Span]:
    """Where the text is code that parses though a mark is in it, so that the mark is in a string or a comment."""
    if whole_program(text) is not None:
        return [(0, len(text))]
    spans = []
    for block in fenced_blocks(text):
        start = text.find(block.body, block.start)
        end = start + len(block.body)
        if start >= 0 and mark.search(text, start, end) and parses(dedent(block.body, [])):
            spans.append((start, end))
    section = text.find(_CODE_SECTION) + len(_CODE_SECTION)
    if section >= len(_CODE_SECTION) and mark.search(text, section) and parses(dedent(text[section:].strip(), [])):
        spans.append((section, len(text)))
    return spans


def is_within(position: int, spans: Sequence[Span]) -> bool:
    return any(start <= position < end for start, end in spans)


def stands_in_line_of_code(text: str, start: int, end: int) -> bool:
    """Whether the line around a mark is Python by itself, so that the mark is in a string or a comment of it."""
    first, last = text.rfind("\n", 0, start) + 1, text.find("\n", end)
    last = last if last >= 0 else len(text)
    if last - first > MAX_LINE_CHARS:
        return False
    turn = _NEXT_TURN.search(text, end, last)
    line = text[first : turn.start() if turn else last].strip()
    return parses(f"{line} pass" if line[-1] == ":" else line)


def may_have_next_turn(text: str) -> bool:
    """Decided by substrings, as every completion is asked."""
    return (
        "##" in text
        or "<|" in text
        or "</s>" in text
        or "<eos>" in text
        or "_turn>" in text
        or "[INST]" in text
        or "<｜" in text
    )


def before_next_turn(text: str) -> str | None:
    """The text up to the next turn, where one follows; None where none does."""
    spans: list[Span] | None = None
    for found in _NEXT_TURN.finditer(text):
        before = text[: found.start()].rstrip()
        if not before:
            continue
        spans = code_spans(text, _NEXT_TURN) if spans is None else spans
        if not is_within(found.start(), spans) or (spans[0] == (0, len(text)) and _is_heading(text, found, before)):
            return before
    return None


def _is_heading(text: str, found: re.Match[str], before: str) -> bool:
    """Whether what Python takes for a comment after a program is the prompt of another one."""
    return found[0][0] == "#" and _ANSWER.search(text, found.end()) is not None and parses(before)
