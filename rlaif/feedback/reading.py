"""From a reply to probabilities: which of the words that were offered the model chose, and how sure it was.

Three sources, in this order, and the reading says which: the log-probabilities at the answer's token; where the
server gives none, the shares of several texts that were asked for as votes; else the plain text. A reply in which no
answer can be read is invalid, which is never a verdict.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rlaif.feedback.exchange import Reply, Request, TokenLogprobs

LOW_MASS = 0.5
"""Below it, most of the probability went to other words than those that were offered: the answer is marked."""
NO_REPLY = "no answer could be had"

THINKING = re.compile(r"^\s*<think>.*?</think>", re.DOTALL)
LEAD_IN = re.compile(
    r"\W*(?:(?:the|final|my|answer|score|rating|preferred|preference|response|output|would be|is)\b\W*)*", re.IGNORECASE
)
"""What may come before the answer: "**Answer:** ", "Preferred Response=", "Rating is "."""
EDGES = " \t\r\n.,:;!*'\"`_()[]=Ġ▁Ċ"
"""What a token may have around a word: spaces, as text or as tokenizers spell them, and punctuation."""


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


def read(request: Request, reply: Reply | None) -> Reading:
    """What the reply says, of the request's words. A missing or unreadable reply is an invalid reading."""
    problem = _problem(reply)
    if reply is None or problem:
        return Reading(invalid=problem)
    if _reads_as_several(reply.texts[0], request.words):
        if len(reply.texts) == 1:
            return Reading(invalid=f"more than one answer: {_shortened(reply.texts[0])}")
    elif (mass := mass_at_answer(reply.tokens, request.words)) is not None:
        return from_mass(mass, reply.texts[0])
    return from_texts([word_in_text(text, request.words) for text in reply.texts], reply.texts)


def _problem(reply: Reply | None) -> str:
    if reply is None:
        return NO_REPLY
    if reply.unreadable:
        return reply.unreadable
    if reply.finish_reason == "content_filter":
        return "filtered"
    return "" if any(text.strip() for text in reply.texts) else "empty"


def text_of(reply: Reply | None) -> tuple[str, str]:
    """(the text without its thinking, why there is none): for what is not read as a choice of words."""
    problem = _problem(reply)
    if reply is None or problem:
        return "", problem
    text = THINKING.sub("", reply.texts[0]).strip()
    return text, "" if text else "empty"


def from_mass(mass: Mapping[str, float], text: str) -> Reading:
    """Masses, of which one is above 0, made to add up to 1."""
    total = sum(mass.values())
    shown = ", ".join(f"{word} {value:.4f}" for word, value in mass.items())
    low = ", low mass" if total < LOW_MASS else ""
    probabilities = {word: value / total for word, value in mass.items()}
    return Reading(probabilities, "logprobs", total, f"{text.strip()[:80]!r}: {shown}{low}")


def from_texts(said: Sequence[Mapping[str, float] | None], texts: Sequence[str]) -> Reading:
    """One text is an answer, several are votes. `said`: each text's word, with the others at 0, or None."""
    valid = [one for one in said if one is not None]
    if not valid:
        return Reading(invalid=f"none of the words: {_shortened(texts[0] if texts else '')}")
    shares = {word: sum(one[word] for one in valid) / len(valid) for word in valid[0]}
    if len(said) == 1:
        return Reading(shares, "text", 1.0, repr(texts[0].strip()[:80]))
    counts = ", ".join(f"{word} {round(share * len(valid))}" for word, share in shares.items() if share)
    return Reading(shares, "votes", len(valid) / len(said), f"votes: {counts}, of {len(said)}")


def word_of(token: str, words: Sequence[str]) -> str | None:
    """The word of which a token is a variant ("Yes", " yes", "Ġyes", "**Yes" of "yes"), else None."""
    bare = token.strip(EDGES).casefold()
    return next((word for word in words if word.casefold() == bare), None)


def mass_at_answer(tokens: Sequence[TokenLogprobs], words: Sequence[str]) -> dict[str, float] | None:
    """The mass on each word where the answer begins; None where no token with alternatives begins one."""
    before = ""
    for index, position in enumerate(tokens):
        # The word has to open the answer: "no" in "I see no error" is none.
        if word_of(position.token, words) is not None and LEAD_IN.fullmatch(THINKING.sub("", before)):
            mass = mass_at(tokens, index, words)
            return mass if sum(mass.values()) > 0 else None
        before += plain(position.token)
    return None


def mass_at(tokens: Sequence[TokenLogprobs], index: int, words: Sequence[str]) -> dict[str, float]:
    """The mass on each word at one position.

    A token that begins a longer word too ("1" of "10") is that word's in part. Where the
    vocabulary has the longer one as a token of its own, it is not; where the model did go on from
    it, the next position tells the parts; else they are unknown, and its mass is left out.
    """
    found: dict[str, float] = {}
    for token, logprob in tokens[index].top:
        word = word_of(token, words)
        if word is not None:
            found[word] = found.get(word, 0.0) + math.exp(logprob)
    mass = {word: 0.0 for word in words}
    for word, value in found.items():
        longer = [other for other in words if other != word and other.startswith(word)]
        if not longer or any(other in found for other in longer):
            mass[word] += value
        elif word == word_of(tokens[index].token, words):
            rest = dict.fromkeys(longer, 0.0) if index + 1 == len(tokens) else _goes_on(tokens[index + 1], word, longer)
            for other, share in rest.items():
                mass[other] += value * share
            mass[word] += value * max(0.0, 1.0 - sum(rest.values()))
    return mass


def _goes_on(position: TokenLogprobs, word: str, longer: Sequence[str]) -> dict[str, float]:
    """The probability that each longer word follows from `word`: a token without a space that completes it."""
    shares = dict.fromkeys(longer, 0.0)
    for token, logprob in position.top:
        for other in longer:
            if token.rstrip(EDGES) == other.removeprefix(word):
                shares[other] += math.exp(logprob)
    return shares


def plain(token: str) -> str:
    """A token as text, where a server gives it as its tokenizer spells it."""
    return token.replace("Ġ", " ").replace("▁", " ").replace("Ċ", "\n")


def word_in_text(text: str, words: Sequence[str]) -> dict[str, float] | None:
    """All words, the one that the text opens with at 1; None where it opens with none, or with several."""
    match = _first_word(text, words)
    if match is None or _reads_as_several(text, words):
        return None
    return {word: float(word.casefold() == match.group(1).casefold()) for word in words}


def _first_word(text: str, words: Sequence[str]) -> re.Match[str] | None:
    said = THINKING.sub("", text)
    # A number is not part of another one: not 8 in -8, 8.5 or 80.
    alone = r"(?<![-−.])(?!\d+\.\d)" if words and words[-1].isdigit() else ""
    return re.match(rf"{LEAD_IN.pattern}{alone}{_any_of(words)}(?!\w)", said, re.IGNORECASE)


def _reads_as_several(text: str, words: Sequence[str]) -> bool:
    """Whether a second word follows the first at once: "yes and no", "7 or 8". The 10 of "8/10" is none."""
    match = _first_word(text, words)
    if match is None:
        return False
    rest = match.string[match.end() :]
    if words[-1].isdigit():
        rest = re.sub(rf"^\s*(?:/|out of)\s*{words[-1]}\b", "", rest)
    return re.match(rf"\W*(?:and|or|to)?\W*{_any_of(words)}\b", rest, re.IGNORECASE) is not None


def _any_of(words: Iterable[str]) -> str:
    longest_first = sorted(words, key=len, reverse=True)
    return f"({'|'.join(map(re.escape, longest_first))})"


def _shortened(text: str) -> str:
    return repr(text.strip()[:80])
