"""A place in a text where one of the words that were offered stands as an answer, and which of several counts.

The rule. A text that *opens* with a word as an answer says that word, and words that come later do not change it:
"Yes. No errors." is yes. The opening does not count where it is several words at once ("yes and no", "yes/no", "7 or
8") or no answer at all: "No" before a noun ("No errors found, so yes"), the number of a list ("1. It parses."), a
number of things ("3 errors"). Then what the text *concludes* counts: a final mark (`\\boxed{}`, `<answer>`, `[[8]]`,
`[RESULT] 8`, "final answer: no"), else a labelled answer ("Answer: yes", "Score: 9"), of each the last one; else a last
line that is only the word; else conclusions that agree ("so yes"); else what the text says elsewhere, if it is one
thing ("It does, yes.", "I would give it an 8"). Where an opening and a labelled answer or a "so" differ, or conclusions
do, the text is no answer; nor is it where an answer follows that takes the opening back ("Yes. Wait, no."). Of a text
that was cut off only its opening and a final mark count, since what it weighs is not yet what it concludes.

The rule looks at places, not at which word stands there, so that it loses no more answers of one kind; what a "no"
before a noun would answer differs from question to question ("No errors", "No such module").
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rlaif.feedback.phrases import CORRECTS

SEVERAL = "more than one answer"
NONE = "none of the words"


class Rank(enum.IntEnum):
    """How a mention stands in its text; the higher counts first."""

    numbered = 1
    """It opens the text as an item of a list would: "8. The code ..."."""
    sentence = 2
    """It begins a sentence, or is one."""
    stated = 3
    """It is the last clause, or a grade in prose: "I would give it an 8", "8/10"."""
    concluding = 4
    """It follows "so" and the like."""
    last_line = 5
    labelled = 6
    final = 7
    opening = 8


COUNT_BEFORE_A_CUT = (Rank.opening, Rank.final, Rank.numbered)


@dataclass(frozen=True, slots=True)
class Mention:
    """One word as an answer at `text[start:end]`."""

    shares: Mapping[str, float]
    """By word, what it says; two words share a grade between them. Empty: it answers, but with none of the words."""
    start: int
    end: int
    rank: Rank

    @classmethod
    def alone(cls, shares: Mapping[str, float], start: int, end: int) -> Mention:
        """Of a text that is only the word."""
        return cls(shares, start, end, Rank.opening)


def with_corrections(text: str, mentions: Sequence[Mention]) -> list[Mention]:
    """The mentions, of which those that follow "wait" and the like conclude as against the one that opens the text."""
    opening = next((one for one in mentions if one.rank is Rank.opening), None)
    correction = CORRECTS.search(text, opening.end) if opening is not None and len(mentions) > 1 else None
    if correction is None:
        return list(mentions)
    return [
        replace(one, rank=Rank.concluding) if one.start >= correction.end() and one.rank < Rank.labelled else one
        for one in mentions
    ]


def decide(mentions: Sequence[Mention], opens_with_several: bool, cut_off: bool) -> Mention | str:
    """The mention that counts, or why there is none. The rule is this module's."""
    of_rank: dict[Rank, list[Mention]] = {}
    for one in mentions:
        of_rank.setdefault(one.rank, []).append(one)
    if cut_off:
        of_rank = {rank: found for rank, found in of_rank.items() if rank in COUNT_BEFORE_A_CUT}
    explicit = of_rank.get(Rank.final) or of_rank.get(Rank.labelled)
    concluding = of_rank.get(Rank.concluding, [])
    if opening := of_rank.get(Rank.opening):
        against = explicit or concluding
        return SEVERAL if against and against[-1].shares != opening[0].shares else _of_words(opening[0])
    if explicit:
        return _of_words(explicit[-1])
    if opens_with_several:
        return SEVERAL
    in_prose = [*of_rank.get(Rank.stated, []), *of_rank.get(Rank.sentence, [])]
    for found in (of_rank.get(Rank.last_line), concluding, in_prose, of_rank.get(Rank.numbered)):
        if found:
            agree = all(one.shares == found[0].shares for one in found)
            return _of_words(found[-1]) if agree else SEVERAL
    return NONE


def _of_words(mention: Mention) -> Mention | str:
    return mention if mention.shares else NONE
