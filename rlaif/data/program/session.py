"""Interactive sessions: the code behind the prompts of Python and IPython, without what was printed."""

from __future__ import annotations

import re

_PROMPT = re.compile(r"[ \t]*(?:>>>|In \[\d*\]:)(?:[ \t]|$)")
_FIRST_PROMPT = re.compile(r"^[ \t]*>>> ", re.MULTILINE)
_STATEMENT = re.compile(r"([ \t]*)(?:>>>|In \[\d*\]:)(?: (.*)|[ \t]*$)")
_CONTINUATION = re.compile(r"[ \t]*(?:\.\.\.|\.{3,}:)(?: (.*)|[ \t]*$)")


def is_session(text: str) -> bool:
    """Whether the first line that is no comment starts with a prompt; code never does."""
    first = next((line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")), "")
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
