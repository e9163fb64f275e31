"""How the places around an answer are described: phrases as patterns, and a window before a place."""

from __future__ import annotations

import re

WINDOW = 100
"""Characters looked at before a word; what stands farther away says nothing about it."""
MOST_MENTIONS = 100
"""Of a text that says the words more often, the first one and the last ones are looked at."""

STARTS = r"(?<![^\W_])"
"""No word goes on here; an underscore is markup."""
ENDS = r"(?![^\W_])"
MARKUP = r"(?:_|[^\w.!?]){0,12}"
"""What may stand within a sentence between two words: spaces, line breaks, quotes, colons, asterisks."""
ASIDE = r"(?: ?\([^()\n]{0,30}\)|,(?! (?:if|unless|when|had|were)\b)[^,.!?\n\d]{1,30},)?"
"""What may stand behind a label before all else: "Answer (yes/no)", "the score, in my view,"."""
ENDS_TEXT = re.compile(r"[\W_]*\Z")
BULLETS = " \t\r*_#>\"'`([{-•"


def one_of(phrases: str) -> str:
    """A pattern for one of the phrases, which a comma separates; each is a pattern itself."""
    return f"(?:{'|'.join(phrase.strip() for phrase in phrases.split(','))})"


def words_of(text: str) -> frozenset[str]:
    return frozenset(text.split())


def text_before(text: str, at: int) -> str:
    """What stands before a place, after a line break where the text begins and a letter where it goes on before."""
    return "\n" + text[:at] if at <= WINDOW else "x" + text[at - WINDOW : at]


def is_alone_in_its_last_line(before: str, text: str, end: int) -> bool:
    """Whether what ends at `end`, behind `before`, is all of the text's last line."""
    return not before.rpartition("\n")[2].strip(BULLETS) and ENDS_TEXT.match(text, end) is not None
