"""Several answers in one reply: numbered lines, each with one of the words that were offered."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rlaif.feedback.exchange import Reply, Request, TokenLogprobs
from rlaif.feedback.reading import Reading, from_mass, from_texts, mass_at, plain, read, text_of, word_of

LINE = r"^\W*(\d+)\W+({words})\b"


def read_list(request: Request, reply: Reply | None, num_answers: int) -> list[Reading]:
    """The readings of lines "1. yes" to "N. no", in the order of their numbers.

    A number that is missing, or that has two different answers, is invalid.
    """
    _, problem = text_of(reply)
    if reply is None or problem:
        return [read(request, reply)] * num_answers if reply is None else [Reading(invalid=problem)] * num_answers
    by_text = [_lines(text, request.words) for text in reply.texts]
    readings = []
    for number in range(1, num_answers + 1):
        at = by_text[0].get(number)
        mass = _mass(reply, at[1], request.words) if at else None
        if mass is not None:
            readings.append(from_mass(mass, f"{number}. {at[0] if at else ''}"))
            continue
        said = [lines[number][0] if number in lines else None for lines in by_text]
        shares = [None if word is None else {one: float(one == word) for one in request.words} for word in said]
        readings.append(from_texts(shares, [f"{number}. {word or 'not answered'}" for word in said]))
    return readings


def _lines(text: str, words: Sequence[str]) -> dict[int, tuple[str, int]]:
    """By number: the answer, and where in the text it stands. A number with different answers is left out."""
    pattern = LINE.format(words="|".join(map(re.escape, words)))
    found: dict[int, tuple[str, int]] = {}
    several: set[int] = set()
    for match in re.finditer(pattern, text, re.MULTILINE | re.IGNORECASE):
        number, word = int(match.group(1)), word_of(match.group(2), words)
        assert word is not None
        if found.setdefault(number, (word, match.start(2)))[0] != word:
            several.add(number)
    return {number: answer for number, answer in found.items() if number not in several}


def _mass(reply: Reply, start: int, words: Sequence[str]) -> dict[str, float] | None:
    """The mass at the token that spells the answer at `start`; None without log-probabilities of just this text."""
    if "".join(plain(position.token) for position in reply.tokens) != reply.texts[0]:
        return None
    index = _token_at(reply.tokens, start)
    if word_of(reply.tokens[index].token, words) is None:
        return None
    mass = mass_at(reply.tokens, index, words)
    return mass if sum(mass.values()) > 0 else None


def _token_at(tokens: Sequence[TokenLogprobs], start: int) -> int:
    end = 0
    for index, position in enumerate(tokens):
        end += len(plain(position.token))
        if start < end:
            return index
    raise AssertionError("the text is made of the tokens")
