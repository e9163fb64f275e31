"""Where the answer of a model that thinks aloud stands: outside the thoughts that it writes before it.

Servers take thoughts out of the text or leave them in, with the marks that the model's template gives them. What lies
between two marks is a thought. A closing mark without an opening one ends a thought whose opening stands in the prompt
(DeepSeek-R1, Qwen3-Thinking), so all before it is thought as well. A thought that is opened and not closed was cut
off: whatever it drafts, there is no answer.

One rule and one list of marks, for judges' replies and policies' completions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from rlaif.pattern import Pattern

CUT_OFF, NOTHING_ELSE = "cut off within a thought", "nothing but a thought"

NAMES = (
    r"(?:think(?:ing)?|thoughts?|reason(?:ing|s)?|rationale|reflections?|analysis|scratch_?pad|cot|chain_of_thought"
    r"|plan(?:ning)?|monologue|deliberation)"
)
TAGS = rf"(?:[a-z]{{1,12}}[_:-]?)?{NAMES}"
"""With what models put before it: "seed:think", "antThinking", "inner_thoughts"."""
ATTRIBUTES = r"(?:\s[^<>\n]{0,80})?"
OPENING = "|".join(
    (
        rf"<{TAGS}{ATTRIBUTES}>",
        rf"<details\s[^<>\n]{{0,40}}{NAMES}[^<>\n]{{0,80}}>",  # Open WebUI
        r"\[THINK\]",  # Magistral
        "◁think▷",  # Kimi
        rf"<\|(?:(?:begin|start)_?(?:of_?)?)?{NAMES}(?:_(?:start|begin))?\|>",  # Command A, Sky-T1, OpenThinker
        r"<\|inner_prefix\|>",  # Apertus
        r"<unused94>\s{0,4}thought",  # MedGemma
        r"<\|channel>\s{0,4}thought",  # Gemma 4
        r"<\|channel\|>\s{0,4}(?:analysis|commentary)[^<]{0,80}(?:<\|constrain\|>[^<]{0,80})?<\|message\|>",  # gpt-oss
        r"\A\s{0,40}(?:assistant\s{0,4})?analysis(?=[A-Z])",  # gpt-oss, decoded without its special tokens
        r"\A\s{0,40}Here(?:'s| is) my (?:thought process|reasoning):",  # Granite 3.2
    )
)
CLOSING = "|".join(
    (
        rf"(?<![\"'`])</{TAGS}\s?>",
        r"\[/THINK\]",
        "◁/think▷",
        rf"<\|(?:/|end_?(?:of_?)?){NAMES}\|>",
        rf"<\|{NAMES}_(?:end|stop)\|>",
        r"<\|inner_suffix\|>",
        r"<unused95>",
        r"<channel\|>",
        r"<\|start\|>\s{0,4}assistant(?!\s{0,4}<\|channel\|>)",
        r"<\|channel\|>\s{0,4}final[^<]{0,80}(?:<\|constrain\|>[^<]{0,80})?<\|message\|>",
    )
)
CLOSING_ONE_OPENED = r"<\|end\|>|assistantfinal|</details>|Here(?:'s| is) my (?:response|answer):"
"""They close what was opened, and mean something else where nothing was."""
MARK = Pattern(f"(?P<open>{OPENING})|(?P<close>{CLOSING})|(?P<closes_opened>{CLOSING_ONE_OPENED})", re.IGNORECASE)
"""At most a few dozen characters from any place, so that it takes a time in proportion to the text."""
END_TOKENS = Pattern(r"(?:<\|[\w/]{1,40}\|>|<｜[\w▁]{1,40}｜>|</s>|<eos>|<end_of_turn>|<turn\|>|\s)+\Z")
BEGIN_TOKENS = Pattern(r"\s*(?:(?:<\|[\w/]{1,40}\|>|<s>|</s>|\[/INST\])\s*)+")
"""Special tokens that a server leaves before or behind a text."""
LONGEST_END = 120
SIGNS = ("<", "[THINK]", "[/THINK]", "[/INST]", "◁", "analysis", "Here")
"""One of them is in every text that has a mark."""


Part = tuple[int, int]
"""Where a part of a text begins and ends."""
IsMark = Callable[[str, re.Match[str]], bool]


@dataclass(frozen=True)
class AnswerPart:
    """A text's answer: `text[start:end]`, or why there is none."""

    start: int
    end: int
    problem: str = ""


def answer_part(text: str) -> AnswerPart:
    """Where the answer stands: the last part that is not blank and not thought."""
    if not any(sign in text for sign in SIGNS):
        return AnswerPart(0, len(text))
    parts, opened, num_closed = parts_outside_thoughts(text)
    if opened >= 0 and text.rfind("</answer>", *parts[-1]) >= 0:
        return AnswerPart(*parts[-1])  # it gives its reasons behind its answer
    if opened >= 0 and (num_closed or is_at_line_start(text, opened)):
        return AnswerPart(len(text), len(text), CUT_OFF)
    if opened >= 0:  # the mark is quoted within a sentence
        parts.append((parts.pop()[0], len(text)))
    filled = [part for part in parts if text[part[0] : part[1]].strip()]
    if not filled:
        return AnswerPart(len(text), len(text), NOTHING_ELSE)
    start, end = filled[-1]
    if begin := BEGIN_TOKENS.match(text, start, end):
        start = begin.end()
    return AnswerPart(start, _without_end_tokens(text, start, end))


def parts_outside_thoughts(text: str, is_mark: IsMark | None = None) -> tuple[list[Part], int, int]:
    """(the parts of a text that are no thought, where one begins that never ends or -1, how many are ended).

    Args:
        is_mark: whether what looks like a mark is one; all are without it.
    """
    parts: list[Part] = []
    start, opened, num_closed = 0, -1, 0
    for mark in MARK.finditer(text):
        if is_mark is not None and not is_mark(text, mark):
            continue
        if mark["open"]:
            if opened < 0:
                parts.append((start, mark.start()))
                opened = mark.start()
        elif mark["close"] or opened >= 0:
            if opened < 0 or "final" in mark.group():
                parts.clear()
            start, opened, num_closed = mark.end(), -1, num_closed + 1
    if opened < 0:
        parts.append((start, len(text)))
    return parts, opened, num_closed


def has_marks(text: str) -> bool:
    """Whether a text marks a thought, be it by its opening or its end."""
    return any(sign in text for sign in SIGNS) and MARK.search(text) is not None


def is_at_line_start(text: str, at: int) -> bool:
    return not text[text.rfind("\n", 0, at) + 1 : at].strip()


def _without_end_tokens(text: str, start: int, end: int) -> int:
    tail = max(start, end - LONGEST_END)
    match = END_TOKENS.search(text, tail, end)
    return match.start() if match else end
