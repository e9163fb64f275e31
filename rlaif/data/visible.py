"""Texts of any origin, made fit to be shown: on a terminal, on a page, in a file of UTF-8.

A program's error message, or a string in its code, holds what the program likes: a terminal's escape sequences,
marks that turn the reading direction, half a surrogate pair, which UTF-8 cannot hold.
"""

from __future__ import annotations

from rlaif.data.normalise import without_half_surrogates

_JOINERS = "\u200c\u200d"
"""Not printable by themselves, and part of how the words of some scripts are written."""
_LAYOUT = "\n\t"


def visible(text: str) -> str:
    """The text with half surrogates as in completions (U+FFFD), and whatever cannot be seen as its escape.

    Line breaks and tabs stay as they are.
    """
    if text.isprintable():
        return text
    return "".join(map(_shown, without_half_surrogates(text)))


def one_line(text: str, max_chars: int) -> str:
    """`visible` text without line breaks, each run of blanks as one, cut after so many characters."""
    line = visible(" ".join(text[: 10 * max_chars].split()))
    return line if len(line) <= max_chars else line[: max_chars - 1] + "…"


def _shown(character: str) -> str:
    if character.isprintable() or character in _JOINERS or character in _LAYOUT:
        return character
    return character.encode("unicode_escape").decode()
