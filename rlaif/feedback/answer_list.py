"""Several answers in one text: "1. yes", "Q1: yes", "| 1 | yes |", JSON; one a line or all in one.

A number that comes again from 1 begins the list anew, so that what a model drafts before its list is not the list: the
last one that answers every question counts, else the last one. Within it a number with two different answers has none.
Answers without numbers count where they are just as many as the questions. Of a text that was cut off only answers that
follow their number at once count: what else it has may be a thought.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rlaif.feedback.json_answers import json_answers
from rlaif.feedback.mention import Mention, Rank
from rlaif.feedback.phrases import ENDS
from rlaif.feedback.reading import said
from rlaif.pattern import Pattern

Entry = tuple[int, Mention]
"""A question's number and its answer."""

BULLETS = " \t-•*>+"
NAMED = (
    r"(?:(?:answer[^\w\n]{1,4}(?:to|for)[^\w\n]{1,4})?(?:question|answer|item|id|number|q|a)(?:_|[^\w\n]){0,4}"
    r"(?:(?:id|number|no|n|question)[^\w\n]{1,4})?)?"
)
AT_LINE_START = Pattern(
    rf"(?:_|[^\w\n]){{0,20}}(?:(?<=<)(?:p|li|td|b|strong|div)>(?:_|[^\w\n]){{0,8}}){{0,3}}(?:no\.[^\w\n]?|{NAMED})(\d{{1,3}})(?!\d|\.\d|[^\W_])"
    r"(?![^\S\n]?(?:[-–,&]|to|and)[^\S\n]?\d)"  # "1-8: yes" and "1, 3: yes" are not question 1's alone
    r"(?:[^\S\n]?(?:of|/)[^\S\n]?\d{1,3}(?!\d))?(?:_|[^\w\n]){0,12}",
    re.IGNORECASE,
)
WITHIN_LINE = rf"(?:(?<![\w.])|BEHIND){NAMED}(\d{{1,3}})(?:[.):\]=]|(?:_|[^\w\n]){{1,8}}(?=WORD))"
BLANK_LINE = Pattern(r"\n[^\S\n]{0,40}\n")
PIECES = Pattern(r"[^\n,;/|]+")
LINES = Pattern(r"[^\n]*\S[^\n]*")
PARTS = Pattern(r"\S+")
MOST_PIECES = 200
"""Of a text that may be nothing but answers."""


@dataclass(frozen=True)
class AnswerList:
    """The answers in a text, by number, and the numbers that have two different ones."""

    by_number: dict[int, Mention]
    several: frozenset[int]


def answer_list(answer: str, words: Sequence[str], num_answers: int, cut_off: bool) -> AnswerList:
    """The list that counts in a text without thoughts; its mentions' places are in that text."""

    def decide(text: str) -> Mention | None:
        return said(text, words).mention

    lists = json_answers(answer, decide, num_answers) if "{" in answer or "[" in answer else []
    if "\\n" in answer and "\n" not in answer:
        answer = answer.replace("\\n", " \n")  # line breaks that were escaped once too often; each place is kept
    if not lists:
        lists = _lists(list(_numbered(answer, words, cut_off)))
    if not lists and (in_turn := _in_turn(answer, words, num_answers, cut_off)):
        lists = [in_turn]
    of_all = [_list_of(one, num_answers) for one in lists]
    complete = [one for one in of_all if len(one.by_number) == num_answers]
    return (complete or of_all or [AnswerList({}, frozenset())])[-1]


def _lists(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Entries in order, parted where the numbers begin anew; one that counts down to 1 ends there."""
    lists: list[list[Entry]] = []
    highest, counts_down = 0, False
    for number, mention in entries:
        follows = bool(lists) and number == lists[-1][-1][0] - 1 and (counts_down or len(lists[-1]) == 1)
        if not lists or (number <= 1 < highest and not (follows and len(lists[-1]) > 1)):
            lists.append([])
            highest, follows = number, False
        lists[-1].append((number, mention))
        highest, counts_down = max(highest, number), follows
    return lists


def _list_of(entries: Sequence[Entry], num_answers: int) -> AnswerList:
    by_number: dict[int, Mention] = {}
    several: set[int] = set()
    numbers = {number for number, _ in entries}
    shift = 1 if 0 in numbers else 0
    if shift and numbers != set(range(num_answers)):
        return AnswerList({}, frozenset())  # which question a number means cannot be told
    for number, mention in entries:
        if by_number.setdefault(number + shift, mention).shares != mention.shares:
            several.add(number + shift)
    kept = {number: one for number, one in by_number.items() if number not in several and number <= num_answers}
    return AnswerList(kept, frozenset(several))


def _numbered(answer: str, words: Sequence[str], cut_off: bool) -> Iterator[Entry]:
    """The numbers in a text that have an answer behind them, and their answers."""
    heads = list(_heads(answer, words))
    for index, (number, start, _) in enumerate(heads):
        is_last = index + 1 == len(heads)
        end = len(answer) if is_last else heads[index + 1][2]
        mention = said(answer[start:end], words, cut_off).mention
        if is_last and (
            blank := BLANK_LINE.search(answer, start)
        ):  # what comes behind the list is no answer of its last
            mention = said(answer[start : blank.start()], words, cut_off).mention or mention
        if mention is not None:
            yield number, Mention(mention.shares, start + mention.start, start + mention.end, mention.rank)


def _heads(answer: str, words: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """(number, where what it heads begins, where it begins itself), in order."""
    within, behind_a_word = _within_line(tuple(words))
    lines = list(LINES.finditer(answer))
    at_start = [AT_LINE_START.match(answer, line.start(), line.end()) for line in lines]
    following = _next_numbers(at_start)
    for line, match, next_number in zip(lines, at_start, following, strict=True):
        at, last = line.start(), 0
        if match:
            last, at = int(match.group(1)), match.end()
            yield last, at, match.start()
        for inner in within.finditer(answer, at, line.end()):
            if not last and behind_a_word.search(answer[max(line.start(), inner.start() - 20) : inner.start()]):
                break  # "yes (1)": the number stands behind its answer
            # Where the next line begins with this number, here it only is mentioned: "2. Line 3: no".
            if int(inner.group(1)) == last + 1 != next_number:
                last += 1
                yield last, inner.end(), inner.start()


def _next_numbers(at_start: Sequence[re.Match[str] | None]) -> list[int]:
    """For each line, the number that the next numbered line begins with; -1 where there is none."""
    numbers, following = [], -1
    for match in reversed(at_start):
        numbers.append(following)
        following = int(match.group(1)) if match else following
    return numbers[::-1]


@lru_cache(maxsize=64)
def _within_line(words: tuple[str, ...]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """A number that heads an answer within a line, and what stands before one that ends an answer."""
    word = f"(?:{'|'.join(map(re.escape, words))}){ENDS}"
    behind = "|".join(f"(?<={re.escape(one)})" for one in words)
    heads = WITHIN_LINE.replace("BEHIND", behind).replace("WORD", word)
    return re.compile(heads, re.IGNORECASE), re.compile(rf"{word}[^\w\n]{{0,4}}\Z", re.IGNORECASE)


def _in_turn(answer: str, words: Sequence[str], num_answers: int, cut_off: bool) -> list[Entry]:
    """Answers without numbers, where they are as many as the questions and the text is nothing else but questions."""
    for part in (PIECES, LINES, PARTS):
        pieces = [match for match in part.finditer(answer) if match.group().strip(BULLETS)]
        if len(pieces) > MOST_PIECES:
            continue
        answers = [(match, said(match.group(), words, cut_off).mention) for match in pieces]
        found = [
            Mention(one.shares, match.start() + one.start, match.start() + one.end, one.rank)
            for match, one in answers
            if one is not None and (part is LINES or one.rank is Rank.opening)
        ]
        rest = [match.group().rstrip(' \t\r*_"') for match, one in answers if one is None]
        asks_only = all(text.endswith(("?", ":")) or not text.strip("`~") for text in rest) and part is LINES
        if len(found) == num_answers and (asks_only or len(pieces) == num_answers):
            return list(enumerate(found, 1))
    return []
