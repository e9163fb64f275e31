"""From a place in an answer's text to the token that spells it, and the probability mass on each word there.

A server's tokens may hold more than the text that it sends (the thought before it, the token that ends it), less (the
first ones), and other spellings (its tokenizer's, pieces of a letter). So the two are laid side by side from the end.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import accumulate

from rlaif.feedback.exchange import MOST_LOGPROB, TokenLogprobs
from rlaif.pattern import Pattern

EDGES = " \t\r\n\u00a0\u200b\u2003\u3000\ufeff.,:;!*'\"`_()[]{}<>|=“”‘’«»：。，、；！（）「」『』【】ĠĊ▁"
"""What a token may have around a word: spaces, as text or as tokenizers spell them, and punctuation."""
LONGEST_KNOWN = 32
"""Characters of a token that is looked at once a process: at the answer's place the same ones come again and again."""
SPECIAL = Pattern(r"(?:\s|<[^<>\s]{1,40}>|\[/?[A-Z_]{1,40}\])*")
"""The tokens that may follow the text's last one."""
PIECE_OF_A_LETTER = Pattern(r"<0x[0-9A-Fa-f]{2}>|bytes:(?:\\x[0-9a-f]{2})+")
NOT_ASCII = Pattern(r"[^!-~]+")


def word_of(token: str, words: Sequence[str]) -> str | None:
    """The word of which a token is a variant ("Yes", " yes", "Ġyes", "**Yes" of "yes"), else None."""
    return (_known_word_of if len(token) <= LONGEST_KNOWN else _word_of)(token, tuple(words))


def _word_of(token: str, words: tuple[str, ...]) -> str | None:
    bare = token.strip(EDGES).casefold()
    return next((word for word in words if word.casefold() == bare), None)


_known_word_of = lru_cache(maxsize=4096)(_word_of)


def plain(token: str) -> str:
    """A token as text, where a server gives it as its tokenizer spells it."""
    return token.replace("Ġ", " ").replace("▁", " ").replace("Ċ", "\n")


class AnswerTokens:
    """The tokens of an answer, by place in its text.

    Args:
        answer: The text behind any thought, to its end; the last token of it is the last one of `tokens` that is not
            special.
    """

    def __init__(self, tokens: Sequence[TokenLogprobs], answer: str) -> None:
        self._tokens, self._answer = tokens, answer
        self._lead = len(answer) - len(answer.lstrip())
        self._spell: Callable[[str], str] = str
        self._core = answer.strip()
        pieces = [plain(one.token) for one in tokens]
        self._begins_at = self._lay("".join(pieces))
        if self._begins_at is None:
            pieces = [_ascii(one) for one in pieces]
            self._core, self._spell = _ascii(self._core), _ascii
            self._begins_at = self._lay("".join(pieces))
        self._ends = list(accumulate(map(len, pieces)))

    def mass(self, at: int, word: str, words: Sequence[str]) -> dict[str, float] | None:
        """The mass on each word at the token that spells `word` at that place; None where none does, or alone."""
        if self._begins_at is None or at < self._lead:
            return None
        place = self._begins_at + len(self._spell(self._answer[self._lead : at]))
        index = bisect_right(self._ends, place)
        if index >= len(self._tokens):
            return None
        spelt = word_of(self._tokens[index].token, words)
        if spelt is None or not word.startswith(spelt):
            return None
        return mass_at(self._tokens, index, words)

    def _lay(self, joined: str) -> int | None:
        """Where in the tokens' text the answer begins."""
        if not self._core:
            return None
        at = joined.rfind(self._core)
        if at >= 0 and SPECIAL.fullmatch(joined, at + len(self._core)):
            return at
        shown = joined.strip()
        return len(joined) - len(joined.lstrip()) if shown and self._core.startswith(shown) else None


def _ascii(text: str) -> str:
    """What every spelling of a text shares."""
    return NOT_ASCII.sub("", PIECE_OF_A_LETTER.sub("", text))


def mass_at(tokens: Sequence[TokenLogprobs], index: int, words: Sequence[str]) -> dict[str, float] | None:
    """The mass on each word at one position; None where no word has any, or the token has no alternative.

    A token that begins a longer word too ("1" of "10") is that word's in part. Where the
    vocabulary has the longer one as a token of its own, it is not; where the model did go on from
    it, the next position tells the parts; else they are unknown, and its mass is left out.
    """
    if len(tokens[index].top) < 2:
        return None
    found: dict[str, float] = {}
    for token, logprob in tokens[index].top:
        word = word_of(token, words)
        if word is not None:
            found[word] = found.get(word, 0.0) + probability(logprob)
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
    return mass if sum(mass.values()) > 0 else None


def probability(logprob: float) -> float:
    """Of a log-probability; 0 where it is none (NaN, or above 0), or stands for a token that cannot be (-inf)."""
    return math.exp(logprob) if logprob <= MOST_LOGPROB else 0.0


def _goes_on(position: TokenLogprobs, word: str, longer: Sequence[str]) -> dict[str, float]:
    """The probability that each longer word follows from `word`: a token without a space that completes it."""
    shares = dict.fromkeys(longer, 0.0)
    for token, logprob in position.top:
        for other in longer:
            if token.rstrip(EDGES) == other.removeprefix(word):
                shares[other] += probability(logprob)
    return shares
