"""How models begin a thought, and what ends it at once: a local judge that thinks is asked without its thought."""

from __future__ import annotations

import re

from rlaif.data.thought import LONGEST_END, OPENING
from rlaif.pattern import Pattern

OPENED_AT_THE_END = Pattern(rf"({OPENING})\s*\Z", re.IGNORECASE)
EMPTY_THOUGHTS = {
    **{f"<{tag}>": f"<{tag}>\n\n</{tag}>\n\n" for tag in ("think", "thinking", "thought", "reasoning", "seed:think")},
    "[THINK]": "[THINK][/THINK]",
    "◁think▷": "◁think▷◁/think▷",
    "<|START_THINKING|>": "<|START_THINKING|><|END_THINKING|><|START_RESPONSE|>",
    "<|begin_of_thought|>": "<|begin_of_thought|>\n\n<|end_of_thought|>\n\n",
    "<|inner_prefix|>": "<|inner_prefix|><|inner_suffix|>",
    "<|channel|>": "<|channel|>final<|message|>",
    "<|channel>": "<|channel>thought\n<channel|>",
}
"""By what a model begins a thought with: the thought that is over at once."""


def begins_a_thought(text: str) -> str:
    """The mark with which a text, or a token, begins a thought; empty where it does not."""
    shown = text.lstrip()
    return next((mark for mark in EMPTY_THOUGHTS if shown.startswith(mark)), "")


def may_begin_a_thought(token: str) -> bool:
    """Whether a token is the first piece of a mark."""
    shown = token.strip()
    return bool(shown) and any(mark.startswith(shown) for mark in EMPTY_THOUGHTS)


def opened_at_the_end(text: str) -> str:
    """The mark of the thought that a text ends with the opening of; empty where it ends otherwise."""
    match = OPENED_AT_THE_END.search(text, max(0, len(text) - LONGEST_END))
    return begins_a_thought(match.group(1)) if match else ""


def ending_of(mark: str) -> str:
    """What ends a thought at once that this mark has begun."""
    return EMPTY_THOUGHTS[mark].removeprefix(mark)
