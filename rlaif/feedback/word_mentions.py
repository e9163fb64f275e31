"""Where a text answers with a word: yes and no, or others that are no numbers. See `mention` for the rule."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from rlaif.feedback.mention import Mention, Rank
from rlaif.feedback.phrases import (
    ADVERB,
    ASIDE,
    CHECKED,
    DENIED,
    ENDS,
    ENDS_TEXT,
    MARKUP,
    MOST_MENTIONS,
    STARTS,
    TAG,
    UNCHECKED,
    is_alone_in_its_last_line,
    is_in_a_quotation,
    one_of,
    text_before,
    words_of,
)
from rlaif.pattern import Pattern

DETERMINERS = ("no", "a")
FUNCTION_WORDS = words_of(
    "no a an the this that these those it its he she they we i you there here all some every each any both not none "
    "because since as but and or so if when while although though however unless due given "
    "for in on at with without from by to"
)
"""None of them begins a noun phrase after the determiner "no": before them "no" is an answer. A closed class."""
AUXILIARIES = words_of("is are was were does do did has have had can cannot could would will should may might must")

SAY = (
    r"i(?:['’]?d| would| will|['’]ll|['’]m| am)?(?: have to| must| can| inclined to| going to| tempted to| ready to)? "
    r"(?:say(?:ing)?|answer|conclude|respond|reply|think|believe|vote|choose|pick|go(?:ing)? with"
    r"|lean(?:ing)?(?: towards?| to)?)"
)
LEAD = one_of(
    "the, this, my, a, final, short, correct, answer, verdict, judge?ment, decision, conclusion, result, response,"
    "output, is, (?:(?:it|this|that) )?would be,"
    "well, ok, okay, sure, indeed, overall, hmm, oh, ah, it is, it['’]s,"
    r"that is, that['’]s, resounding, definite, clear, firm, hard, strong, pretty, quite, very,"
    rf"almost(?= [a-z]+ly), most, of course, without (?:a |any )?doubt, {ADVERB}, {TAG}, (?<=&)quot(?=;),"
    r"(?<=&#)\d{2}(?=;), (?<=['’])s, (?<=[\[(])x(?=[\])]),"
    rf"(?:for|to|on) (?:this|the|your) \w+, {SAY}"
)
FILL = r"(?:\\n|[\W_])*"
"""What is no word, with line breaks that were escaped once too often."""
LEAD_IN = Pattern(rf"{FILL}(?:(?:question|answer|q|a)? ?\d{{1,2}}[.):][\W_]+)?(?:{LEAD}{ENDS}{FILL})*", re.IGNORECASE)
"""What may come before a word that opens a text: "**Answer:** ", "The answer is", "I would say"."""

LINK = one_of(
    "is, was, would be, should be, must be, has to be, will be, be, that, it, its, it['’]s, the answer, my answer,"
    "answer, (?<=['’])s, verdict, the output, the result, with, for, a, an, clear, firm, here,"
    f"therefore, thus, remains, can only be, still, then, to (?:this|that), {TAG}, most,"
    rf"to (?:the|this|your) question, {ADVERB}"
)
LINKS = rf"{ASIDE}{MARKUP}(?:{LINK}{ENDS}{MARKUP}){{0,4}}\Z"
"""What may come between a label and the word: "answer **is:** "."""
VERDICT = one_of("answer, verdict, judge?ment, decision, conclusion")
FINAL = Pattern(
    r"\\boxed\{\s{0,4}(?:\\\w{1,12}\{\s{0,4}){0,3}\Z|\[\[\s{0,4}\Z"
    rf"|<(?:final[ _-]?)?(?:{VERDICT}|result|output|response|label|final)>[\W_]{{0,12}}\Z"
    r"|\[(?:result|answer|verdict)\][\W_]{0,12}\Z"
    rf"|{STARTS}final (?:{VERDICT}|response){LINKS}|{CHECKED}",
    re.IGNORECASE,
)
LABELLED = Pattern(
    rf"{STARTS}(?<!to )(?:{VERDICT}|classification|prediction"
    rf"|(?:result|label|output|response|reply)(?=[^\w.!?]{{0,6}}[:=])|(?<![\w.])A(?=:)){LINKS}",
    re.IGNORECASE,
)
CONCLUSION = one_of(
    "so, thus, therefore, hence, consequently, accordingly, overall, ultimately, finally, all in all, in short,"
    f"in summary, in conclusion, to conclude, to sum up, i mean, i meant, (?:which|this|that) means, {SAY}"
)
CONCLUDING = Pattern(rf"{STARTS}{CONCLUSION}{LINKS}|(?:=>|->|[→⇒∴])[^\w.!?]{{0,6}}\Z", re.IGNORECASE)
CLAUSE_START = Pattern(r"(?:[:|;,)=—–：；，]|\s-)[^\w\n]{0,12}\Z")
SENTENCE_START = Pattern(rf"(?:[\n.!?:|—–。！？：]|\s-)[^\w\n]{{0,12}}(?:{ADVERB}[^\w\n.]{{1,3}})?\Z", re.IGNORECASE)
ASIDE_START = Pattern(r"[,，][^\w\n]{0,12}(?:(?:but|and|though) )?\Z", re.IGNORECASE)
CLOSED = r"[^\S\n]{0,4}[*_\"'`)\]}]{0,6}"
STANDS_ALONE = Pattern(rf"{CLOSED}(?:[,.;:!|\n—–(]|\s{{1,4}}[-—–(]|\s{{0,4}}\Z)")
"""What follows a word that is a sentence, or the first part of one."""
ENDS_ASIDE = Pattern(rf"{CLOSED}(?:[,.;:!—–]|\s-\s)")
"""What follows the word of "Given line 3, yes, it runs"."""
IS_ALONE_IN_ITS_SENTENCE = Pattern(rf"{CLOSED}(?:[.!]|\n|\s{{0,4}}\Z)")
GOES_ON_AS_A_WORD = Pattern(r"[^\W_]|-\w|['’]\w|_[^\W_]")
"""What makes of a word a part of another: "nothing", "no-op"."""
NEXT_WORD = Pattern(r"[^\S\n]{0,4}[*_\"'`]{0,4}[^\S\n]{1,4}[*_\"'`]{0,4}([\w'’]+)")
NUMBER_SIGN = Pattern(r"No\.[^\S\n]?\d")
COUNT_OF = Pattern(r"[Nn]o\. ?of\s")
IS_ASKED = Pattern(r"[^\S\n]{0,4}[*_\"'`)]{0,4}\?")
IS_CONDITIONAL = Pattern(
    rf"[\W_]{{0,12}}(?:if|unless|when|whether|only if|or|otherwise|else){ENDS}|[^\S\n]{{0,4}}\?", re.IGNORECASE
)
HYPOTHETICAL = Pattern(
    rf"{STARTS}(?:if|unless|were|had)(?! (?:i|you|to){ENDS}){ENDS}[^.!?\n]*{STARTS}would{ENDS}[^.!?\n]*\Z",
    re.IGNORECASE,
)
"""What stands before the word of "If it did, the answer would be yes"."""
IF_SO = Pattern(
    rf"[\n.!?;,][^\w\n]{{0,8}}(?:if|unless|when|otherwise)(?! (?:i|you)(?![^\W_])){ENDS}"
    r"[^.!?;,:\n]{0,60}[:,][^\w\n]{0,6}\Z",
    re.IGNORECASE,
)
"""What stands before the word of "If the import works: yes"."""
ASKS = Pattern(r"[*_\"'`]{0,4}[)\]]|[*_]{0,4}[^\S\n]{0,2}[:=?]")
"""What follows the words of "Answer (yes/no): yes" and "Yes or no? Yes", which only name what may be said."""
PROBABILITY = Pattern(r"[\s:=()\"'`~-]{1,6}(?:[01]?\.\d|\d{1,3}(?:\.\d+)? ?%|[01]\b)")
SENTENCE_BREAK = Pattern(r"[.!?;:\n—–]")
SEPARATOR = Pattern(r"([\W_]*?)(?:(and|or|but|nor|to|versus|vs)[\W_]+)?", re.IGNORECASE)
CONTRAST = Pattern(
    r"[\W_]*[,;.:][\W_]*(?:(?:and|but|yet|though|while)[\W_]+)?(?:\w{1,20}ly|in \w{1,20}|otherwise|else)[\W_]+",
    re.IGNORECASE,
)
"""What stands between the words of "technically yes, practically no"."""
OTHERWISE = Pattern(rf"{STARTS}(?:otherwise|else)[^\w.!?]{{1,4}}\Z", re.IGNORECASE)
"""What stands before the second word of "yes if it is imported, otherwise no"."""


@dataclass(frozen=True)
class _Place:
    """Where one of the words stands in a text, as an answer or not."""

    word: str
    start: int
    end: int


def word_mentions(text: str, words: Sequence[str]) -> tuple[list[Mention], bool]:
    """The places in a text where a word is an answer, and whether it opens with several at once."""
    places = _places(text, tuple(words))
    if not places:
        return [], False
    if len(places) > 1 and all(PROBABILITY.match(text, place.end) for place in places[:2]):
        return [], places[0].word != places[1].word  # "yes: 0.1, no: 0.9" is neither
    mentions: list[Mention] = []
    opens_with_several = False
    for index, place in enumerate(places):
        if _is_part_of_a_phrase(text, place):
            continue
        followed = not IS_ASKED.match(text, place.end) and _followed_by_another(text, places, index)
        if followed and ASKS.match(text, places[index + 1].end):
            continue
        if index == 0 and LEAD_IN.fullmatch(text, 0, place.start):
            opens_with_several = followed
            rank = None if followed or _is_conditional_statement(text, place) else Rank.opening
        else:
            rank = None if followed else _rank(text, place)
        if rank is not None:
            shares = {word: float(word == place.word) for word in words}
            mentions.append(Mention(shares, place.start, place.end, rank))
    return mentions, opens_with_several


def _places(text: str, words: tuple[str, ...]) -> list[_Place]:
    pattern, by_spelling = _pattern(words)
    found = []
    for match in pattern.finditer(text):
        word = by_spelling.get(match.group().casefold())  # a pattern takes "ı" for an "i", and casefold does not
        if word is None or UNCHECKED.search(text, max(0, match.start() - 12), match.start()):
            continue
        if not GOES_ON_AS_A_WORD.match(text, match.end()) and _begins(text, match.start()):
            found.append(_Place(word, match.start(), match.end()))
    return found if len(found) <= MOST_MENTIONS else [found[0], *found[1 - MOST_MENTIONS :]]


def _begins(text: str, at: int) -> bool:
    """Whether an "n" before a word is no letter of it, but a line break that was escaped once too often."""
    return text[at - 1 : at].casefold() != "n" or text[at - 2 : at] == "\\n"


@lru_cache(maxsize=64)
def _pattern(words: tuple[str, ...]) -> tuple[re.Pattern[str], dict[str, str]]:
    longest_first = sorted(words, key=len, reverse=True)
    pattern = re.compile(rf"(?<![^\W_n])(?:{'|'.join(map(re.escape, longest_first))})", re.IGNORECASE)
    return pattern, {word.casefold(): word for word in words}


def _is_part_of_a_phrase(text: str, place: _Place) -> bool:
    """Whether a "no" belongs to the noun that follows: "no errors", "no such module"; so does an "A" of other words.

    "No it does not" is an answer, and so is "No 2 imports are missing".
    """
    if place.word.casefold() not in DETERMINERS:
        return False
    if COUNT_OF.match(text, place.start):
        return True
    match = NEXT_WORD.match(text, place.end)
    return match is not None and not match.group(1)[0].isdigit() and not _is_function_word(match.group(1))


def _is_function_word(word: str) -> bool:
    plain = word.casefold().replace("’", "'")
    return plain.partition("'")[0] in FUNCTION_WORDS or plain in AUXILIARIES or plain.endswith("n't")


def _followed_by_another(text: str, places: Sequence[_Place], index: int) -> bool:
    """Whether another word follows as an answer too: "yes and no", "yes/no", "Yes. No."; not "Yes. No errors."."""
    if index + 1 == len(places):
        return False
    place, other = places[index], places[index + 1]
    if other.word == place.word:
        return False
    if CONTRAST.fullmatch(text, place.end, other.start) and IS_ALONE_IN_ITS_SENTENCE.match(text, other.end):
        return True
    if IS_CONDITIONAL.match(text, place.end) and OTHERWISE.search(text_before(text, other.start)):
        return True
    between = SEPARATOR.fullmatch(text, place.end, other.start)
    if between is None:
        return False
    if between.group(2) is not None and between.group(2).casefold() in ("or", "to", "versus", "vs"):
        return True
    if _is_part_of_a_phrase(text, other) or NUMBER_SIGN.match(text, other.start):
        return False
    if SENTENCE_BREAK.search(between.group(1)):
        return IS_ALONE_IN_ITS_SENTENCE.match(text, other.end) is not None
    return NEXT_WORD.match(text, other.end) is None or _goes_on_in_a_clause(text, other)


def _is_conditional_statement(text: str, place: _Place) -> bool:
    """Whether it is "The answer is yes if ..." or "Yes? ..."; "Yes, if ..." still opens with its answer."""
    if IS_ASKED.match(text, place.end):
        return True
    return any(one.isalpha() for one in text[: place.start]) and IS_CONDITIONAL.match(text, place.end) is not None


def _rank(text: str, place: _Place) -> Rank | None:
    """How a word that does not open the text stands in it; None where it is only mentioned."""
    if IS_CONDITIONAL.match(text, place.end):
        return None
    before = text_before(text, place.start)
    if (
        HYPOTHETICAL.search(before)
        or IF_SO.search(before)
        or DENIED.search(before)
        or is_in_a_quotation(before, text, place.end)
    ):
        return None
    if FINAL.search(before):
        return Rank.final
    if LABELLED.search(before):
        return Rank.labelled
    if is_alone_in_its_last_line(before, text, place.end):
        return Rank.last_line
    if CONCLUDING.search(before):
        return Rank.concluding
    if CLAUSE_START.search(before) and ENDS_TEXT.match(text, place.end):
        return Rank.stated
    if SENTENCE_START.search(before):
        is_whole = STANDS_ALONE.match(text, place.end) or _goes_on_in_a_clause(text, place)
        return Rank.sentence if is_whole else None
    return Rank.sentence if ASIDE_START.search(before) and ENDS_ASIDE.match(text, place.end) else None


def _goes_on_in_a_clause(text: str, place: _Place) -> bool:
    """Whether the word begins a clause, as in "Yes it does", and is not its subject: "Yes would need an import"."""
    following = NEXT_WORD.match(text, place.end)
    return following is not None and following.group(1).casefold().partition("'")[0] in FUNCTION_WORDS
