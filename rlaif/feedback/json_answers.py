"""Answers in a JSON value, by number: `{"1": "yes"}`, `["yes", "no"]`, `[{"question": 1, "answer": "yes"}]` and kin."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from rlaif.feedback.mention import Mention
from rlaif.feedback.phrases import words_of
from rlaif.pattern import Pattern

MOST_TRIES = 50
"""Brackets at which a value is looked for."""
OPENING = Pattern(r"[\[{]")
STRING = Pattern(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
PYTHON_STRING = Pattern(r"(?<=[\s\[{(,:])'([^'\"\\\n]*)'(?=\s{0,40}[,:\]})])")
PYTHON_CONSTANT = Pattern(r"(?<=[\s\[(,:])(?:None|True|False)(?=\s{0,40}[,\]})])")
LAST_COMMA = Pattern(r",(?=\s{0,40}[\]}])")
NUMBERED = Pattern(r"[\W_]*(?:(?:question|answer|item|q|a)[\W_]*)?(\d{1,3})(?![^\W_])", re.IGNORECASE)
NUMBER_KEYS = words_of("number question question_number question_id questionid id no index q n num item #")
ANSWER_KEYS = words_of("answer response verdict value result judgement judgment decision a")

Decide = Callable[[str], Mention | None]
"""What a text says, if anything."""


@dataclass(frozen=True)
class Text:
    """A string in JSON; `start` is where its characters begin in the source, -1 where some are escaped."""

    value: str
    start: int


class Pairs(tuple[tuple[str, Any], ...]):
    """An object as its (key, value) pairs, of which two may have one key."""


DECODER = json.JSONDecoder(object_pairs_hook=Pairs)


def json_answers(text: str, decide: Decide, num_answers: int) -> list[list[tuple[int, Mention]]]:
    """The lists of answers in a text's JSON values: (number, mention in the text) of each.

    Values that answer different questions, as in a line for each, are one list. Where there are none, the text is
    read as a Python program would spell them.
    """
    found = _lists_in(text, decide, num_answers)
    if found or "'" not in text:
        return found
    return _lists_in(_as_json(text), decide, num_answers)


def _as_json(text: str) -> str:
    """A text with Python's strings and constants as JSON's, and no comma before a bracket; each place is kept."""
    text = PYTHON_STRING.sub(r'"\1"', text)
    text = PYTHON_CONSTANT.sub(lambda match: {"None": "null"}.get(match.group(), match.group().lower()), text)
    return LAST_COMMA.sub(" ", text)


def _lists_in(text: str, decide: Decide, num_answers: int) -> list[list[tuple[int, Mention]]]:
    found: list[list[tuple[int, Mention]]] = []
    for value, start, end in _values(text):
        spans = ((start + match.start(), match.group()) for match in STRING.finditer(text[start:end]))
        try:
            entries = _entries(_placed(value, spans), decide, num_answers)
        except RecursionError:
            continue
        answered = {number for number, _ in entries}
        if found and answered.isdisjoint(number for number, _ in found[-1]):
            found[-1] += entries
        elif entries:
            found.append(entries)
    return found


def values_in(text: str) -> list[Any]:
    """The objects, as `Pairs`, and arrays in a text."""
    return [value for value, _, _ in _values(text)]


def _values(text: str) -> Iterator[tuple[Any, int, int]]:
    """The objects and arrays in a text, and where each begins and ends."""
    at = 0
    for _ in range(MOST_TRIES):
        bracket = OPENING.search(text, at)
        if bracket is None:
            return
        try:
            value, at = DECODER.raw_decode(text, bracket.start())
        except (ValueError, RecursionError):
            at = bracket.end()
        else:
            yield value, bracket.start(), at


def _placed(value: Any, spans: Iterator[tuple[int, str]]) -> Any:
    """The value with each string that is no key as a `Text`."""
    if isinstance(value, str):
        start, raw = next(spans)
        return Text(value, start + 1 if raw[1:-1] == value else -1)
    if isinstance(value, Pairs):
        placed = []
        for key, one in value:
            next(spans)
            placed.append((key, _placed(one, spans)))
        return Pairs(placed)
    return [_placed(one, spans) for one in value] if isinstance(value, list) else value


def _entries(node: Any, decide: Decide, num_answers: int) -> list[tuple[int, Mention]]:
    if isinstance(node, list):
        return _of_array(node, decide, num_answers)
    if not isinstance(node, Pairs):
        return []
    numbered = [(int(match.group(1)), one) for key, one in node if (match := NUMBERED.match(key))]
    if numbered:
        return [(number, answer) for number, one in numbered if (answer := _answer(one, decide)) is not None]
    number, answer = _number(node), _answer(node, decide)
    if number is not None and answer is not None:
        return [(number, answer)]
    within = [entries for _, one in node if (entries := _entries(one, decide, num_answers))]
    return within[-1] if within else _by_order([one for _, one in node], decide, num_answers)


def _of_array(nodes: list[Any], decide: Decide, num_answers: int) -> list[tuple[int, Mention]]:
    objects = [node for node in nodes if isinstance(node, Pairs)]
    numbers = [_number(node) for node in objects]
    if objects and None not in numbers:
        answers = [_answer(node, decide) for node in objects]
        return [(number, one) for number, one in zip(numbers, answers, strict=True) if number is not None and one]
    if objects and all(len(node) == 1 and NUMBERED.match(node[0][0]) for node in objects):
        return [entry for node in objects for entry in _entries(node, decide, num_answers)]
    return _by_order(nodes, decide, num_answers)


def _by_order(nodes: list[Any], decide: Decide, num_answers: int) -> list[tuple[int, Mention]]:
    """Without numbers, as many answers as there are questions are theirs in turn; fewer or more are nobody's."""
    if len(nodes) != num_answers:
        return []
    answers = [_answer(node, decide) for node in nodes]
    return [(number, one) for number, one in enumerate(answers, 1) if one is not None]


def _number(node: Pairs) -> int | None:
    for key, value in node:
        if key.casefold() in NUMBER_KEYS:
            if isinstance(value, int) and not isinstance(value, bool):
                return value
            if isinstance(value, Text) and (match := NUMBERED.match(value.value)):
                return int(match.group(1))
    return None


def _answer(node: Any, decide: Decide) -> Mention | None:
    if isinstance(node, Text):
        mention = decide(node.value)
        if mention is None:
            return None
        moved = node.start + mention.start if node.start >= 0 else -1
        return Mention(mention.shares, moved, moved + mention.end - mention.start, mention.rank)
    if not isinstance(node, Pairs):
        return None
    named = [one for key, one in node if key.casefold() in ANSWER_KEYS and key.casefold() not in NUMBER_KEYS]
    answers = [found for one in named or [one for _, one in node] if (found := _answer(one, decide)) is not None]
    return answers[0] if answers and all(one.shares == answers[0].shares for one in answers) else None
