"""From a reply to probabilities: which of the words that were offered the model chose, and how sure it was.

The text says where the answer stands (`thought`, `mention`). How sure the model was has three sources, in this order,
and the reading says which: the log-probabilities of the token that stands there; where the server gives none, or no
alternative to it, the shares of several texts that were asked for as votes; else the plain text. A reply in which no
answer can be read is invalid, which is never a verdict.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rlaif.data.thought import answer_part
from rlaif.feedback.answer_tokens import AnswerTokens, mass_at, probability, word_of
from rlaif.feedback.exchange import Reply, Request, TokenLogprobs
from rlaif.feedback.mention import NONE, Mention, decide, with_corrections
from rlaif.feedback.thought import begins_a_thought
from rlaif.pattern import Pattern

LOW_MASS = 0.5
"""Below it, most of the probability went to other words than those that were offered: the answer is marked."""
NO_REPLY = "no answer could be had"
WOULD_THINK = "it would think before it answers"
RUNS_ON = Pattern(
    r"\n[^\S\n]{0,20}[*_#>]{0,4}[^\S\n]{0,4}(?:question|instruction|user|human)[*_]{0,3}:", re.IGNORECASE
)
SHOWN_CHARS = 80


@dataclass(frozen=True)
class Reading:
    """What a reply says."""

    probabilities: Mapping[str, float] = field(default_factory=dict)
    """By word, of all words that were offered; they add up to 1. Empty where the reply is invalid."""
    source: str = "text"
    """logprobs, votes or text."""
    mass: float = 1.0
    """What the words had before they were made to add up to 1; with votes, the share of readable texts."""
    evidence: str = ""
    invalid: str = ""
    """Why nothing could be read; empty where something was."""


@dataclass(frozen=True)
class Said:
    """What one text says: a mention within its answer, or why there is none."""

    answer: str
    mention: Mention | None = None
    problem: str = ""

    @property
    def word(self) -> str:
        """The word that is said; empty where there is none, or two share a grade."""
        shares = self.mention.shares if self.mention else {}
        return next((word for word, share in shares.items() if share == 1.0), "")


def read(request: Request, reply: Reply | None) -> Reading:
    """What the reply says, of the request's words. A missing or unreadable reply is an invalid reading."""
    problem = problem_of(reply)
    if reply is None or problem:
        return Reading(invalid=problem)
    words, tokens = request.words, reply.tokens
    first = said(reply.texts[0], words, reply.is_cut_off())
    if tokens and first.mention is not None and first.word:
        if len(tokens) == 1 and word_of(tokens[0].token, words) == first.word:
            mass = mass_at(tokens, 0, words)
            if mass is not None and sum(mass.values()) < LOW_MASS and _would_think(tokens[0]):
                return Reading(invalid=WOULD_THINK)
        else:
            mass = AnswerTokens(tokens, first.answer).mass(first.mention.start, first.word, words)
        if mass is not None:
            return from_mass(mass, first.answer)
    if len(reply.texts) == 1:
        return from_texts([first])
    others = [said(text, words, reply.is_cut_off(number)) for number, text in enumerate(reply.texts[1:], 1)]
    return from_texts([first, *others])


def _would_think(position: TokenLogprobs) -> bool:
    """Whether a model would most likely begin with a thought, so that its first word is not its answer."""
    return any(probability(logprob) > LOW_MASS and begins_a_thought(token) for token, logprob in position.top)


def said(text: str, words: Sequence[str], cut_off: bool = False) -> Said:
    """What a text says, of the words. `cut_off`: it ran into its length limit."""
    word = word_of(text, words)
    if word is not None and (at := text.casefold().find(word.casefold())) >= 0:
        shares = {one: float(one == word) for one in words}
        return Said(text, Mention.alone(shares, at, at + len(word)))
    part = answer_part(text)
    answer = text[part.start : part.end]
    if part.problem:
        return Said(text, problem=part.problem)
    decided = decided_in(answer, words, cut_off)
    if isinstance(decided, Mention):
        return Said(answer, decided)
    return Said(answer, problem=f"{decided}: {answer.strip()[:SHOWN_CHARS]!r}")


def decided_in(answer: str, words: Sequence[str], cut_off: bool = False) -> Mention | str:
    """The mention that counts in a text without thoughts, or why there is none.

    A model that goes on to ask itself the next question has answered before.
    """
    if not words:
        return NONE
    if next_question := RUNS_ON.search(answer, len(answer) - len(answer.lstrip())):
        own = decided_in(answer[: next_question.start()], words)
        if isinstance(own, Mention):
            return own
    if all(word.isdecimal() for word in words):
        from rlaif.feedback.number_mentions import number_mentions  # most answers are the word alone

        mentions, opens_with_several = number_mentions(answer, words, cut_off)
    else:
        from rlaif.feedback.word_mentions import word_mentions

        mentions, opens_with_several = word_mentions(answer, words)
    return decide(with_corrections(answer, mentions), opens_with_several, cut_off)


def problem_of(reply: Reply | None) -> str:
    """Why a reply has nothing to read; empty where it has something."""
    if reply is None:
        return NO_REPLY
    if reply.unreadable:
        return reply.unreadable
    if reply.finish_reason == "content_filter":
        return "filtered"
    return "" if any(text.strip() for text in reply.texts) else "empty"


def text_of(reply: Reply | None) -> tuple[str, str]:
    """(the text without its thinking, why there is none): for what is not read as a choice of words."""
    problem = problem_of(reply)
    if reply is None or problem:
        return "", problem
    part = answer_part(reply.texts[0])
    text = reply.texts[0][part.start : part.end].strip()
    return text, "" if text else part.problem or "empty"


def from_mass(mass: Mapping[str, float], text: str) -> Reading:
    """Masses, of which one is above 0, made to add up to 1."""
    total = sum(mass.values())
    shown = ", ".join(f"{word} {value:.4f}" for word, value in mass.items())
    low = ", low mass" if total < LOW_MASS else ""
    probabilities = {word: value / total for word, value in mass.items()}
    return Reading(probabilities, "logprobs", total, f"{text.strip()[:SHOWN_CHARS]!r}: {shown}{low}")


def from_texts(texts: Sequence[Said]) -> Reading:
    """One text is an answer, several are votes."""
    valid = [one.mention.shares for one in texts if one.mention is not None]
    if not valid:
        return Reading(invalid=texts[0].problem)
    shares = {word: sum(one[word] for one in valid) / len(valid) for word in valid[0]}
    if len(texts) == 1:
        return Reading(shares, "text", 1.0, repr(texts[0].answer.strip()[:SHOWN_CHARS]))
    counts = ", ".join(f"{word} {share * len(valid):g}" for word, share in shares.items() if share)
    return Reading(shares, "votes", len(valid) / len(texts), f"votes: {counts}, of {len(texts)}")
