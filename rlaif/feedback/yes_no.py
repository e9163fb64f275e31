"""From what a model says to the probability that it means yes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rlaif.feedback.exchange import TokenLogprobs

LOW_MASS = 0.5
"""Below it, most of the probability went to tokens that are neither yes nor no: the answer is marked."""

THINKING = re.compile(r"^\s*<think>.*?</think>", re.DOTALL)
FIRST_WORD = re.compile(r"^\W*(?:answer\W+(?:is\W+)?)?(yes|no)\b", re.IGNORECASE)
BOTH_WORDS = re.compile(r"\W*(?:and|or)?\W*(?:yes|no)\b", re.IGNORECASE)


@dataclass(frozen=True)
class YesNo:
    """Probability mass on the variants of yes and of no, each in [0, 1]."""

    yes: float
    no: float

    @property
    def p_yes(self) -> float:
        """Y / (Y + N)."""
        return self.yes / (self.yes + self.no)

    @property
    def evidence(self) -> str:
        mass = self.yes + self.no
        return f"yes {self.yes:.4f}, no {self.no:.4f}" + (", low mass" if mass < LOW_MASS else "")


def word_of(token: str) -> str | None:
    """ "yes" or "no" where a token is a variant of it ("Yes", " yes", "YES", "Ġyes", "**Yes"), else None."""
    word = token.strip(" \t\r\n.,:;!*'\"`_Ġ▁Ċ").casefold()
    return word if word in ("yes", "no") else None


def from_tokens(tokens: Sequence[TokenLogprobs]) -> YesNo | None:
    """Sum the variants of yes and no at the first generated token that is one of them."""
    for position in tokens:
        if word_of(position.token) is None:
            continue
        mass = sum_variants(position.top)
        return mass if mass.yes + mass.no > 0 else None
    return None


def sum_variants(top: Iterable[tuple[str, float]]) -> YesNo:
    """The mass on each word among (token, log-probability) pairs."""
    mass = {"yes": 0.0, "no": 0.0}
    for token, logprob in top:
        word = word_of(token)
        if word is not None:
            mass[word] += math.exp(logprob)
    return YesNo(mass["yes"], mass["no"])


def from_text(text: str) -> bool | None:
    """The answer that a text opens with; None where it opens with neither, or with both ("yes and no")."""
    said = THINKING.sub("", text)
    match = FIRST_WORD.match(said)
    if match is None or BOTH_WORDS.match(said, match.end()):
        return None
    return match.group(1).casefold() == "yes"
