"""Which replies are answers: those are kept for good, and the others asked for again."""

from __future__ import annotations

import re

from rlaif.data.thought import CUT_OFF, answer_part
from rlaif.feedback.exchange import EMPTY, NO_CHOICES, Reply
from rlaif.feedback.refusal import is_too_long

FAILED = (
    "error", "failed", "failure", "server_error", "network_error", "abort", "aborted", "cancelled", "canceled",
    "interrupted", "timeout", "time_limit", "insufficient_system_resource", "malformed_function_call",
)  # fmt: skip
"""finish_reasons of a server that gave up."""
BLANK = re.compile(r"(?:[\s\x00\u200b-\u200f\u2060\ufeff]|<\|[\w/]{1,40}\|>|</s>|<eos>|<end_of_turn>|<turn\|>)*+\Z")
REJECTED, NOT_ANSWERED = "rejected: ", "not answered: "


def lasts(reply: Reply) -> bool:
    """Whether asking again would give nothing else, or nothing better.

    What a filter or the model itself turned down lasts. What is empty, what the server broke off, a thought without
    its answer, and a prompt that was too long for how the server was started, do not; a store that was written by an
    earlier version may hold some of them.
    """
    if reply.finish_reason == "stop" and not reply.unreadable and reply.texts and reply.texts[0][:1].isalnum():
        return True  # nearly all
    if reply.unreadable.startswith((EMPTY, NO_CHOICES, CUT_OFF, NOT_ANSWERED)):
        return False
    if reply.unreadable:
        return not (reply.unreadable.startswith(REJECTED) and is_too_long(reply.unreadable))
    if reply.finish_reason in FAILED or all(map(is_blank, reply.texts)):
        return False
    return not (reply.is_cut_off() and all(is_open_thought(text) for text in reply.texts if text.strip()))


def is_blank(text: str) -> bool:
    """Whether a text shows nothing: space, characters without width, the token that ends it."""
    return not text[:1].isalnum() and BLANK.match(text) is not None


def is_open_thought(text: str) -> bool:
    """Whether a text that ran into its limit did so before its answer."""
    return bool(answer_part(text).problem)
