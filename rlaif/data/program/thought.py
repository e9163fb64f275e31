"""What a model that thinks aloud writes before its answer: a draft in a thought is no answer.

Known are the marks of models in use: `<think>` and its like (DeepSeek-R1, QwQ, Qwen3), `[THINK]` (Magistral),
`◁think▷` (Kimi), `<|begin_of_thought|>` (Sky-T1), `<|START_THINKING|>` (Command), `<seed:think>` (Seed-OSS), the
channels of Gemma and of gpt-oss, also without their special tokens, and Granite's words. The opening tag is often a
part of the prompt and so not of the text.
"""

from __future__ import annotations

import re

from rlaif.data.program.turns import Span, code_spans, is_within, stands_in_line_of_code
from rlaif.pattern import Pattern

_NAMES = "think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis|seed:think|inner_monologue"
_TAG = Pattern(
    rf"(?P<end></(?:{_NAMES})>|\[/THINK\]|◁/think▷|<\|(?:end_of_thought|/?END_THINKING|/think)\|>|<channel\|>)"
    rf"|<(?:{_NAMES})>|\[THINK\]|◁think▷|<\|(?:begin_of_thought|START_THINKING|think)\|>|<\|channel>\s{0, 4}thought",
    re.IGNORECASE,
)
_CHANNEL = Pattern(r"<\|channel\|>\s*final\b[^<\n]{0,40}<\|message\|>")
_FIRST_CHANNEL = Pattern(r"\s*(?:<\|start\|>assistant)?<\|channel\|>\s*(?:analysis|commentary)\b")
_END_OF_TURN = Pattern(
    r"\s*(?:<\|(?:im_end|endoftext|eot_id|end_of_text|end|return|end_of_turn|END_RESPONSE)\|>|</s>|<eos>|<end_of_turn>"
    r"|<\|EOT\|>|<｜end▁of▁sentence｜>)\s*\Z"
)
_SPOKEN_STARTS = ("analysis", "Here is my ", "Here's my ")
_SPOKEN = Pattern(
    r"analysis(?=[A-Z]).*?(?:assistantfinal|\Z)"
    r"|Here(?:'s| is) my (?:thought process|reasoning):.*?Here(?:'s| is) my (?:response|answer):",
    re.DOTALL,
)
_QUOTES = "\"'`"


def answer_of(text: str, steps: list[str]) -> str:
    """The text without the thought before it, "" where that never ends; appends to ``steps`` what was left out."""
    if text.endswith(">"):
        text = _without_end_of_turn(text, steps)
    if text.startswith(_SPOKEN_STARTS):
        spoken = _SPOKEN.match(text)
        if spoken is not None:
            steps.append("thought")
            return text[spoken.end() :].strip()
    may_think = "</" in text or "<|" in text or "hink>" in text or "THINK" in text or "◁" in text
    if not may_think and (text[:1] != "<" or text[1:2] == "<"):
        return text
    answer = _without_thoughts(text)
    if answer is None:
        return text
    steps.append("thought")
    return answer.strip()


def _without_thoughts(text: str) -> str | None:
    """The text without its thoughts; None where it has none."""
    if "<|channel|>" in text:
        final = _CHANNEL.search(text)
        if final is not None:
            return text[final.end() :]
        if _FIRST_CHANNEL.match(text):
            return ""
    kept: list[str] = []
    position, opened = 0, None
    spans: list[Span] | None = None
    for tag in _TAG.finditer(text):
        if not _is_tag(text, tag):
            continue
        spans = code_spans(text, _TAG) if spans is None else spans
        if is_within(tag.start(), spans):
            continue
        if tag["end"] is None:
            if opened is None and not text[text.rfind("\n", 0, tag.start()) + 1 : tag.start()].strip():
                opened = tag.start()
            continue
        # Without an opening tag, which the prompt may hold, all before the closing one is the thought.
        if opened is None:
            kept.clear()
        else:
            kept.append(text[position:opened])
        position, opened = tag.end(), None
    if opened is not None:
        return "".join([*kept, text[position:opened]])
    return "".join([*kept, text[position:]]) if position else None


def _is_tag(text: str, found: re.Match[str]) -> bool:
    """Whether the tag is no part of a string, of a code span or of a comment of the answer."""
    if found.start() and text[found.start() - 1] in _QUOTES:
        return text.endswith("```", 0, found.start())
    if text[found.end() : found.end() + 1] in ('"', "'", "`"):
        return text.startswith("```", found.end())
    return not stands_in_line_of_code(text, found.start(), found.end())


def _without_end_of_turn(text: str, steps: list[str]) -> str:
    while (found := _END_OF_TURN.search(text, max(0, len(text) - 64))) is not None:
        if "end_of_turn" not in steps:
            steps.append("end_of_turn")
        text = text[: found.start()]
    return text
