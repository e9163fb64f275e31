"""What a reply is read as, and tables of phrasings: a line each, with {X} and {O} for the two words."""

from __future__ import annotations

from rlaif.feedback.exchange import Reply, Request
from rlaif.feedback.reading import read

ASK = (("user", "?"),)
YES_NO = Request(ASK)
CHOICE = Request(ASK, "choice", ("1", "2"))
GRADE = Request(ASK, "number", tuple(str(number) for number in range(1, 11)))


def word_said(text: str, request: Request = YES_NO, finish_reason: str = "stop") -> str | None:
    """The word that a reply is read as; of a grade between two, their mean."""
    reading = read(request, Reply((text,), finish_reason=finish_reason))
    assert bool(reading.invalid) != bool(reading.probabilities)
    if not reading.probabilities:
        return None
    certain = [word for word, share in reading.probabilities.items() if share == 1.0]
    return certain[0] if certain else str(sum(int(word) * share for word, share in reading.probabilities.items()))


def spelt(lines: list[str], word: str, other: str) -> list[str]:
    """A table's texts with their words in place."""
    names = {"{X}": word.capitalize(), "{x}": word, "{XX}": word.upper(), "{O}": other.capitalize()}
    texts = []
    for line in lines:
        text = line.replace("\\\\", "\0").replace("\\n", "\n").replace("\0", "\\")
        for name, spelling in names.items():
            text = text.replace(name, spelling)
        texts.append(text)
    return texts
