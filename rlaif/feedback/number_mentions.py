"""Where a text answers with a number: a grade on a scale, or one of two responses. See `mention` for the rule."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rlaif.feedback.mention import Mention, Rank
from rlaif.feedback.number_phrases import (
    ANOTHER,
    ASKS,
    BEGINS_A_CLAUSE,
    BOTH,
    CHOICE_LABEL,
    CLAUSE_START,
    COMPARES,
    CONCLUDING,
    COUNTED,
    COUNTS,
    DASHES,
    EITHER,
    ENTRY,
    ENUMERATES,
    FINAL,
    GIVEN,
    GOES_ON,
    GRADE_LABEL,
    HYPOTHETICAL,
    IS_BETTER,
    IS_CONDITIONAL,
    ITEM,
    LACKS,
    LEAD_IN,
    MINUS,
    NAMES_A_RESPONSE,
    NEXT_WORD,
    NUMBER,
    NUMBER_OF_RESPONSE,
    OF_BOTH,
    OF_THE_WHOLE,
    OF_THINGS,
    OR_MORE,
    OTHER_SCALE,
    OUT_OF,
    PREFERS,
    RANKED,
    SINGLE_ITEM,
    SURE,
    UNPREFERRED,
    WORSE,
    WOULD_BE,
)
from rlaif.feedback.phrases import (
    DENIED,
    ENDS_TEXT,
    MOST_MENTIONS,
    UNCHECKED,
    is_alone_in_its_last_line,
    is_in_a_quotation,
    one_of,
    text_before,
)


@dataclass(frozen=True)
class _Place:
    """A number in a text; `end` is behind the scale's highest in "8/10"."""

    shares: Mapping[str, float]
    start: int
    end: int
    is_fraction: bool
    is_bound: bool


def number_mentions(text: str, words: Sequence[str], cut_off: bool) -> tuple[list[Mention], bool]:
    """The places in a text where a number is an answer, and whether it opens with several at once."""
    words = tuple(words)
    is_scale = len(words) > 2
    items = _items(text)
    mentions: list[Mention] = []
    opens_with_several = False
    matches = list((NUMBER if is_scale else NUMBER_OF_RESPONSE).finditer(text))
    if len(matches) > MOST_MENTIONS:
        matches = [matches[0], *matches[1 - MOST_MENTIONS :]]
    is_first = True
    named_to = 0
    for match in matches:
        if match.start() < named_to:
            continue
        if named := _names_what_may_be_said(words).match(text, match.start()):
            named_to = named.end()
            continue
        if match.start() in items and not (items[match.start()] and not is_scale and not cut_off):
            continue
        before = text_before(text, match.start())
        if match.group() == words[-1] and (OUT_OF if is_scale else OF_BOTH).search(before):
            continue
        if UNCHECKED.search(before):
            continue
        place = _place(text, match, before, words)
        named_to = place.end
        opens = is_first and LEAD_IN.fullmatch(text, 0, place.start) is not None
        is_first = False
        is_one_of_two = place.is_fraction or (not is_scale and PREFERS.search(before))  # "I prefer 1 to 2"
        several = not is_one_of_two and (
            _is_range(text, place.end) or (not is_scale and bool(EITHER.match(text, place.end)))
        )
        rank = _rank_of_opening(text, place, before, is_scale) if opens else None
        if several and not is_scale:
            named_to = _end_of_next(text, place.end)
        if rank is not None and several:
            opens_with_several, rank = True, None
        elif rank is None and not several:
            rank = _rank(text, place, before, is_scale)
        is_other = not place.shares and (place.is_bound or not is_scale)
        if rank is not None and not (is_other and rank < Rank.labelled):
            mentions.append(Mention(place.shares, place.start, place.end, rank))
    return mentions, opens_with_several


def _items(text: str) -> dict[int, bool]:
    """By place, the numbers of lists from 1 upwards, and whether it is the only one of its list."""
    found: dict[int, bool] = {}
    last = first_at = -1
    for match in ITEM.finditer(text):
        number, at = int(match.group(1)), match.start(1)
        if number == 1:
            last, first_at = 1, at
            if SINGLE_ITEM.match(text, match.start()) and not text[text.rfind("\n", 0, at) + 1 : match.start()].strip():
                found[at] = True
        elif number == last + 1 and first_at >= 0:
            last = number
            found[first_at] = found[at] = False
    return found


def _place(text: str, match: re.Match[str], before: str, words: tuple[str, ...]) -> _Place:
    end, is_fraction = match.end(), False
    if len(words) > 2 and (fraction := _fraction(words[-1]).match(text, end)):
        end, is_fraction = fraction.end(), True
    is_enclosed = before[-1] == "<" and text[end : end + 1] == ">"
    is_bound = bool(OR_MORE.match(text, end) or (COMPARES.search(before) and not is_enclosed))
    scale = OTHER_SCALE.match(text, end) if len(words) > 2 and not is_fraction else None
    is_other = is_bound or MINUS.search(before) or text[end : end + 1] == "%" or (scale and scale[1] != words[-1])
    shares = {} if is_other else _shares(match.group(), words)
    return _Place(shares, match.start(), end, is_fraction, is_bound)


@lru_cache(maxsize=64)
def _names_what_may_be_said(words: tuple[str, ...]) -> re.Pattern[str]:
    """A scale from end to end ("1-10", "1 (worst) to 10", "1 = bad, 10 = good"), or both responses where a colon
    follows ("1 or 2: ")."""
    one, other = words[0], words[-1]
    if len(words) == 2:
        return re.compile(
            rf"{one} {{0,4}}(?:-|–|to|or|and|/) {{0,4}}{other}(?!\d|\.\d)(?={ASKS.pattern})", re.IGNORECASE
        )
    between = rf"(?: ?\([^()\n]{{0,30}}\))?[^\S\n]{{0,4}}{one_of(DASHES)}[^\S\n]{{0,4}}"
    means = r" ?(?:=|is|means|being) ?"
    pairs = "|".join(rf"{low}{means}[^\d\n.]{{1,30}}{high}{means}" for low, high in ((one, other), (other, one)))
    return re.compile(rf"{one}{between}{other}(?!\d|\.\d)|{pairs}|{other}[- ]points? scale", re.IGNORECASE)


@lru_cache(maxsize=64)
def _fraction(highest: str) -> re.Pattern[str]:
    highest = {"5": "(?:5|five)", "10": "(?:10|ten)"}.get(highest, highest)
    return re.compile(rf"[*_\s]{{0,4}}(?:/|out of|of)[*_\s]{{0,4}}{highest}(?:\.0+)?(?![\w%]|\.\d)", re.IGNORECASE)


def _shares(number: str, words: tuple[str, ...]) -> dict[str, float]:
    """What a number says: one word, or of a grade between two whole ones ("8.5") the share of each; {}: neither."""
    value = float(number)
    below = int(value)
    share = value - below
    if share and len(words) <= 2:
        return {}
    said = {str(below): 1.0 - share, str(below + 1): share} if share else {str(below): 1.0}
    return {word: said.get(word, 0.0) for word in words} if said.keys() <= set(words) else {}


def _is_range(text: str, end: int) -> bool:
    """Whether another number follows as an answer too: "7 or 8", "8-9", "4/5"; not "8, 2 imports are missing"."""
    if BOTH.match(text, end):
        return True
    match = ANOTHER.match(text, end)
    other = NUMBER.match(text, match.end()) if match else None
    if match is None or other is None:
        return match is not None
    return not _counts_things(text, other.end())


def _end_of_next(text: str, end: int) -> int:
    """Where the number that follows as an answer too ends, so that "2, 1" does not say 1."""
    other = NUMBER.search(text, end)
    return other.end() if other else end


def _counts_things(text: str, end: int) -> bool:
    match = NEXT_WORD.match(text, end)
    return match is not None and match.group(1).casefold().partition("'")[0] not in GOES_ON


def _is_of_another(text: str, place: _Place, before: str) -> bool:
    """Whether it is a share ("3/10 imports are wrong"), or another program's grade ("it would be a 10 with docs")."""
    if place.is_fraction:
        following = NEXT_WORD.match(text, place.end)
        if OF_THINGS.match(text, place.end) or (following and COUNTS.fullmatch(following.group(1))):
            return True
    if HYPOTHETICAL.search(before):
        return True
    return LACKS.match(text, place.end) is not None and WOULD_BE.search(before) is not None


def _rank_of_opening(text: str, place: _Place, before: str, is_scale: bool) -> Rank | None:
    """How a number that opens the text stands there; None where it only is the first one."""
    if not is_scale and IS_BETTER.match(text, place.end):
        return Rank.opening
    if _is_of_another(text, place, before) or (MINUS.search(before) and NEXT_WORD.match(text, place.end)):
        return None
    if _counts_things(text, place.end) and not place.is_fraction:
        return None
    if not is_scale and NAMES_A_RESPONSE.search(before) and ENUMERATES.match(text, place.end):
        return None
    return Rank.numbered if ITEM.match(text, place.start) else Rank.opening


def _rank(text: str, place: _Place, before: str, is_scale: bool) -> Rank | None:
    """How a number that does not open the text stands in it; None where it is only mentioned."""
    if IS_CONDITIONAL.match(text, place.end) or DENIED.search(before) or is_in_a_quotation(before, text, place.end):
        return None
    if _is_of_another(text, place, before):
        return None
    is_answer = place.is_fraction or not _counts_things(text, place.end)
    is_sure = is_answer or SURE.search(before) is not None
    if is_sure and FINAL.search(before):
        return Rank.final
    if not is_scale and (UNPREFERRED.search(before) or RANKED.search(before)):
        return None
    label = (GRADE_LABEL if is_scale else CHOICE_LABEL).search(before)
    if is_sure and label:
        is_of_a_part = is_scale and label.group(1) is not None and label.group(1).casefold() not in OF_THE_WHOLE
        return Rank.stated if is_of_a_part else Rank.labelled
    if not is_scale and IS_BETTER.match(text, place.end):
        return Rank.labelled
    if is_alone_in_its_last_line(before, text, place.end):
        return Rank.last_line
    if is_answer and CONCLUDING.search(before):
        return Rank.concluding
    if entry := ENTRY.search(before):
        name = (entry.group(1) or "").rpartition("_")[2].casefold()
        is_counted = (
            COUNTS.fullmatch(name)
            or COUNTED.search(before)
            or (name.isdecimal() and NAMES_A_RESPONSE.search(before, 0, entry.start(1)))
        )
        if place.is_fraction and not BEGINS_A_CLAUSE.search(before, 0, entry.start()):
            return Rank.stated  # "3 errors: 4/10"
        return Rank.stated if is_answer and not is_counted and name not in WORSE else None
    ends_in_it = CLAUSE_START.search(before) and ENDS_TEXT.match(text, place.end)
    is_given = is_answer and GIVEN.search(before)
    return Rank.stated if place.is_fraction or is_given or ends_in_it else None
