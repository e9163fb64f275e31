"""Interactive sessions: the code behind the prompts of Python and IPython, without what was printed."""

from __future__ import annotations

import re

from rlaif.data.normalise import parses
from rlaif.pattern import Pattern

_PROMPT = Pattern(r"[ \t]*(?:>>>|In \[\d*\]:(?:[ \t]|$))")
_BANNER = Pattern(r"[$%>]?[ \t]*python[\d.]*$|Python \d|Type \"|\[(?:GCC|Clang|MSC)|#|IPython \d")
_FIRST_PROMPT = Pattern(r"^[ \t]*>>> ", re.MULTILINE)
_STATEMENT = Pattern(r"([ \t]*)(?:>>>|In \[\d*\]:) ?(.*)")
_MAGIC = Pattern(r"^(?:!|%{1,2}[a-z])[^\n]*\n?", re.MULTILINE)
_CONTINUATION = Pattern(r"[ \t]*(?:\.\.\.|\.{3,}:)(?: (.*)|[ \t]*$)")


def is_session(text: str) -> bool:
    """Whether the first line that is no comment, and none of the interpreter's start, has a prompt; code never does."""
    first = next((line for line in text.split("\n") if line.strip() and not _BANNER.match(line.lstrip())), "")
    return _PROMPT.match(first) is not None


def session_within(text: str) -> tuple[str, str] | None:
    """(the prose before a session, its code); None where no line starts with a prompt of Python's."""
    prompt = _FIRST_PROMPT.search(text)
    return None if prompt is None else (text[: prompt.start()], session_code(text[prompt.start() :]))


def session_code(text: str) -> str:
    """The statements of a session. What stands between them is output and is left out."""
    lines: list[str] = []
    in_statement = False
    for line in text.split("\n"):
        if statement := _STATEMENT.match(line):
            lines.append(statement[2] or "")
            in_statement = True
        elif in_statement and (continuation := _CONTINUATION.match(line)):
            lines.append(continuation[1] or "")
        else:
            in_statement = False
    return "\n".join(lines)


def without_magics(code: str, steps: list[str]) -> str:
    """The code without the lines of a notebook (`!pip install x`, `%matplotlib inline`), where it parses only so."""
    if not _MAGIC.search(code) or parses(code):
        return code
    rest = _MAGIC.sub("", code).strip("\n")
    if not rest or not parses(rest):
        return code
    steps.append("magic")
    return rest
