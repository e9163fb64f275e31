"""What a judge said that could not be read, in a line for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rlaif.feedback.exchange import EMPTY, NO_CHOICES
from rlaif.feedback.lasting import NOT_ANSWERED, REJECTED
from rlaif.feedback.reading import NO_REPLY
from rlaif.records import Answer, Preference

NO_TEXT = (REJECTED, NOT_ANSWERED, EMPTY, NO_CHOICES, NO_REPLY, "filtered", "refused")
"""Reasons of which no text could be another."""
SAID_ABOVE = 0.1
"""A larger share of invalid answers is said."""


def invalid_line(answers: Sequence[Answer], preferences: Sequence[Preference]) -> str | None:
    """How many answers or comparisons could not be read, and why most of them; None where they are few."""
    invalid = [one.invalid for one in answers if one.p_yes is None]
    invalid += [one.invalid for one in preferences if one.p_first is None]
    num = len(answers) + len(preferences)
    if not invalid or len(invalid) <= SAID_ABOVE * num:
        return None
    ((reason, count),) = Counter(invalid).most_common(1)
    line = f"{len(invalid)} of {num} answers of the judge cannot be read, {count} of them: {reason or 'no reason'}"
    if reason.startswith(NO_TEXT):
        return line
    other = " (of pairwise_cot, where its thoughts are cut off: max_thought_tokens)" if preferences else ""
    return f"{line}; a judge that explains or thinks first needs a larger questions.options.max_answer_tokens{other}"
