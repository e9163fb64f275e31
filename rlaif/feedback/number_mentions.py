"""Where a text answers with a number: a grade on a scale, or one of two responses. See `mention` for the rule."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rlaif.feedback.mention import Mention, Rank
from rlaif.feedback.phrases import (
    ENDS,
    ENDS_TEXT,
    MARKUP,
    MOST_MENTIONS,
    STARTS,
    is_alone_in_its_last_line,
    one_of,
    text_before,
    words_of,
)

NUMBER = re.compile(r"(?<![\w.])(?<!\d,)\d{1,9}(?:\.\d{1,9})?(?!\d|\.\d|,\d|[^\W_])")
MINUS = re.compile(r"(?:\A|[^\w)\]])[-−–]\Z")
"""A dash that touches the number and nothing else."""
ANOTHER = re.compile(r"[^\S\n]{0,4}(?:[-–—~/,&<>=]|to|or|and|\.{2,3}|…)?[^\S\n]{0,4}(?=[-−]?\d)|\s{0,4}(?=\d+\s*\Z)")
"""What stands between the numbers of "7 or 8", "8-9", "4/5"."""
RESPONSE = one_of("response, output, option, candidate")
BOTH = re.compile(rf"[^\S\n]{{0,4}}(?:and|or|&|/)[^\S\n]{{0,4}}(?:the )?{RESPONSE} ?\d", re.IGNORECASE)
ASKS = re.compile(r"[*_\"'`]{0,4}(?:[)\]]|[^\S\n]{0,2}[:=?])")
"""What follows the numbers of "Preferred Response (1 or 2): 2", which only name what may be said."""
ITEM = re.compile(r"(?<!\S)[(\[*_#>]{0,4}(\d{1,3})[*_]{0,2}[.):\]][*_]{0,2}[^\S\n]{1,8}(?=\S)")
"""The number of an item in a list, at a line's start or within a line."""
SINGLE_ITEM = re.compile(r"[(\[*_#>]{0,4}\d[*_]{0,2}[.)]")
"""What a list of one item begins with, where it begins a line."""
NEXT_WORD = re.compile(r"[\s*_\"'`)\]}]{0,6}?[^\S\n]{1,4}[*_]{0,2}([^\W\d_][\w'’]*)")
GOES_ON = words_of(
    "points point pts marks mark stars star overall because since as but and so while although though due given for "
    "with the this that it its there i my in on from here to over rather instead"
)
"""After a grade they are its unit, or begin its reason. Another word makes of it a number of things: "3 errors"."""

RATE = r"(?:rate|give|grade|score) (?:it|this|that|(?:this|the) \w+)(?: with)?"
I_WOULD = rf"i(?:['’]?d| would)? (?:say|choose|prefer|pick|select|go with|{RATE})"
LEAD = one_of(
    "the, my, a, an, final, overall, total, answer, score, rating, grade, mark, result, verdict, preferred, preference,"
    "about, around, approximately, roughly, solid, strong, definitely, clearly, probably, i think, i believe, it is,"
    "it['’]s, better, best, winner, choice, response, output, option, candidate, number, one, is, would be, of,"
    rf"(?:for|to|on) (?:this|the|your) \w+, {I_WOULD}"
)
LEAD_IN = re.compile(rf"[\W_]*(?:{LEAD}{ENDS}[\W_]*)*", re.IGNORECASE)
"""What may come before a number that opens a text: "Preferred Response=", "**Score:** "."""

LINK = one_of(
    "is, was, would be, should be, must be, will be, be, at, as, a, an, the, of, for, around, about, therefore, thus,"
    r"then, only, just, clearly, score, rating, grade, response, output, option, candidate, number, one,"
    r"for (?:this|the) \w+"
)
LINKS = rf"(?: ?\([^()\n]{{0,30}}\))?{MARKUP}(?:{LINK}{ENDS}{MARKUP}){{0,5}}\Z"
"""What may come between a label and the number: "score for this output is **"."""
WHOLE = one_of("answer, score, rating, grade, mark, verdict, choice, decision, judge?ment, assessment")
FINAL = re.compile(
    r"\\boxed\{\s{0,4}(?:\\text(?:bf|rm)?\{)?(?:response )?\Z|\[\[\s{0,4}(?:response )?\Z"
    r"|<(?:answer|score|grade|rating|result|verdict)>[\W_]{0,12}(?:response )?\Z"
    r"|\[(?:result|score|answer|verdict|rating)\][\W_]{0,12}(?:response )?\Z"
    rf"|{STARTS}(?:final|overall|total) ?{WHOLE}?{LINKS}",
    re.IGNORECASE,
)
SURE = re.compile(
    r"(?:score|grade|rating|mark|preferred|response|choice|winner)[^\w.!?]{0,12}(?:[:=]|of|is)[^\w.!?]{0,12}\Z|[{>\]\[]\s{0,4}\Z",
    re.IGNORECASE,
)
"""Labels whose number is an answer whatever follows. Others may label a number of things: "Overall 3 errors"."""
GRADE_LABEL = re.compile(
    rf"(?:{STARTS}(\w{{1,30}})[^\S\n]{{1,4}})?{STARTS}"
    rf"(?:score|grade|rating|marks?|points|answer|verdict|result|evaluation){LINKS}",
    re.IGNORECASE,
)
OF_THE_WHOLE = words_of("the my a its this your and so is total numeric numerical final overall quality judge of with")
"""What may come before a label. Another word makes it the label of a part: "Readability score: 7"."""
CHOICE = one_of("answer, verdict, decision, preferred, preference, winner, choice, better, best")
CHOICE_LABEL = re.compile(rf"{STARTS}{CHOICE}{LINKS}", re.IGNORECASE)
CONCLUSION = one_of(
    "so, thus, therefore, hence, overall, ultimately, in conclusion, in summary, in short, prefer, choose, pick,"
    "select, favou?r, go with, go for, recommend, vote for"
)
PREFERS = re.compile(rf"{STARTS}(?:prefer|favou?r){LINKS}", re.IGNORECASE)
GIVES = one_of(
    "gives?, giving, rates?, rated, deserves?, earns?, gets?, assign, award, worth, merits?, scores, say, settle on"
)
CONCLUDING = re.compile(rf"{STARTS}{CONCLUSION}{LINKS}|(?:=>|->|[→⇒∴])[^\w.!?]{{0,6}}\Z", re.IGNORECASE)
GIVEN = re.compile(
    rf"{STARTS}(?:{GIVES}{ENDS}[^\n.!?\d]{{0,30}}|(?:(?:this|it|that) (?:is|would be)|it['’]s) an?{MARKUP})\Z",
    re.IGNORECASE,
)
CLAUSE_START = re.compile(rf"(?:[\n.!?:|;,—–=]|\s-)[^\w\n]{{0,12}}(?:{RESPONSE} )?\Z", re.IGNORECASE)
ENTRY = re.compile(rf"(?:(\w{{1,30}})[\"'`*_)\]]{{0,4}}[^\S\n]?)?[:=][^\w\n]{{0,12}}(?:{RESPONSE} )?\Z", re.IGNORECASE)
"""What stands before the number of "Correctness: 8": a text with several such has no grade, if they differ."""
COUNTS = re.compile(
    one_of(
        "error, issue, bug, warning, problem, mistake, flaw, line, step, import, call, name, argument, version, python"
    )
    + "s?|confidence",
    re.IGNORECASE,
)
"""What is no grade's name: "Errors: 2"."""
NAMES_A_RESPONSE = re.compile(rf"{STARTS}{RESPONSE}[^\S\n]{{0,2}}[#*_]{{0,3}}\Z", re.IGNORECASE)
SEEMS = one_of("is, seems, appears, looks, would be, should be, must be, has to be")
BY_FAR = one_of(
    "a, the, to be, clear, clearly, slightly, much, far, definitely, overall, therefore, thus, still, also, somewhat,"
    "generally, marginally, significantly, a bit"
)
BETTER = one_of("better, best, preferred, preferable, superior, stronger, winner, favou?red, chosen")
IS_BETTER = re.compile(
    rf"[\s*_\"'`)\]]{{0,5}}(?:{SEEMS}\s{{1,3}}(?:{BY_FAR}\s{{1,3}}){{0,4}}{BETTER}|wins){ENDS}", re.IGNORECASE
)
ENUMERATES = re.compile(r"[*_]{0,3}\s{0,2}(?::|[-–—]\s)[*_]{0,3}\s{0,4}\S")
IS_CONDITIONAL = re.compile(
    rf"[\s*_\"'`)\]]{{0,6}}(?:if|unless|when|would|means|only if){ENDS}|[^\S\n]{{0,4}}\?", re.IGNORECASE
)


@dataclass(frozen=True)
class _Place:
    """A number in a text; `end` is behind the scale's highest in "8/10"."""

    shares: Mapping[str, float]
    start: int
    end: int
    is_fraction: bool


def number_mentions(text: str, words: Sequence[str], cut_off: bool) -> tuple[list[Mention], bool]:
    """The places in a text where a number is an answer, and whether it opens with several at once."""
    words = tuple(words)
    is_scale = len(words) > 2
    items = _items(text)
    mentions: list[Mention] = []
    opens_with_several = False
    matches = list(NUMBER.finditer(text))
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
        place = _place(text, match, before, words)
        opens = is_first and LEAD_IN.fullmatch(text, 0, place.start) is not None
        is_first = False
        is_one_of_two = place.is_fraction or (not is_scale and PREFERS.search(before))  # "I prefer 1 to 2"
        several = not is_one_of_two and _is_range(text, place.end)
        rank = _rank_of_opening(text, place, before, is_scale) if opens else None
        if rank is not None and several:
            opens_with_several, rank = True, None
        elif rank is None and not several:
            rank = _rank(text, place, before, is_scale)
        if rank is not None:
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
    is_other = MINUS.search(before) or text[end : end + 1] == "%"
    return _Place({} if is_other else _shares(match.group(), words), match.start(), end, is_fraction)


@lru_cache(maxsize=64)
def _names_what_may_be_said(words: tuple[str, ...]) -> re.Pattern[str]:
    """A scale from end to end ("1-10", "1 to 10"), or both responses where a colon follows ("1 or 2: ")."""
    is_scale = len(words) > 2
    between = one_of(r"-, –, —, to, \.\.\.?, through" if is_scale else r"-, –, to, or, and, /")
    between = rf"[^\S\n]{{0,4}}{between}[^\S\n]{{0,4}}"
    asks = "" if is_scale else f"(?={ASKS.pattern})"
    return re.compile(rf"{words[0]}{between}{words[-1]}(?!\d|\.\d){asks}", re.IGNORECASE)


@lru_cache(maxsize=64)
def _fraction(highest: str) -> re.Pattern[str]:
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


def _counts_things(text: str, end: int) -> bool:
    match = NEXT_WORD.match(text, end)
    return match is not None and match.group(1).casefold().partition("'")[0] not in GOES_ON


def _rank_of_opening(text: str, place: _Place, before: str, is_scale: bool) -> Rank | None:
    """How a number that opens the text stands there; None where it only is the first one."""
    if not is_scale and IS_BETTER.match(text, place.end):
        return Rank.opening
    if _counts_things(text, place.end) and not place.is_fraction:
        return None
    if not is_scale and NAMES_A_RESPONSE.search(before) and ENUMERATES.match(text, place.end):
        return None
    return Rank.numbered if ITEM.match(text, place.start) else Rank.opening


def _rank(text: str, place: _Place, before: str, is_scale: bool) -> Rank | None:
    """How a number that does not open the text stands in it; None where it is only mentioned."""
    if IS_CONDITIONAL.match(text, place.end):
        return None
    is_answer = place.is_fraction or not _counts_things(text, place.end)
    is_sure = is_answer or SURE.search(before) is not None
    if is_sure and FINAL.search(before):
        return Rank.final
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
    if (entry := ENTRY.search(before)) and not place.is_fraction:
        return Rank.stated if is_answer and not COUNTS.fullmatch(entry.group(1) or "") else None
    ends_in_it = CLAUSE_START.search(before) and ENDS_TEXT.match(text, place.end)
    is_given = is_answer and GIVEN.search(before)
    return Rank.stated if place.is_fraction or is_given or ends_in_it else None
