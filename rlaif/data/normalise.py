"""Sound normalisation of code that a model wrote: it undoes packaging, and repairs nothing.

Undone are a JSON string's escapes and quotes, and a common indentation (fences and other markers: `program/`). Not
undone, because they would change what the model said: shell lines such as `!pip install`, and a tail that does not
parse.
"""

from __future__ import annotations

import ast
import re
import textwrap
import warnings

from rlaif.pattern import Pattern

MAX_PARSED_CHARS = 20_000
"""Longer code is taken as it is: nothing is tried on it that needs a parser to decide."""

_ESCAPE = Pattern(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED_CHARACTERS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\", "/": "/"}
_SURROGATE = Pattern("[\ud800-\udfff]")
_ESCAPED_LINE_IN_COMMENT = Pattern(r"#[^\n]*\\n")
_PACKAGING = ("'", '"', "}", "\\")
MAX_STRAY = 6
"""So many characters of packaging are looked for at the end of the code."""
_BLANK_LINES = Pattern(r"(?:[^\S\n]*\n)+")


def parses(code: str) -> bool:
    """Whether Python's own parser takes the code (False for code over `MAX_PARSED_CHARS`)."""
    return syntax_tree(code) is not None


def syntax_tree(code: str) -> ast.Module | None:
    """What Python's own parser makes of the code; None where it refuses it, and of code over `MAX_PARSED_CHARS`."""
    if len(code) > MAX_PARSED_CHARS:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def unescape(text: str) -> str:
    """Undo one level of a JSON string's escapes; also `\\'`, which models write.

    An escape that JSON does not know stays as it stands.
    """
    return without_half_surrogates(_ESCAPE.sub(_decode_escape, text))


def without_half_surrogates(text: str) -> str:
    """Joins pairs of surrogates; half a pair, which JSON can escape and UTF-8 cannot hold, becomes U+FFFD."""
    if _SURROGATE.search(text) is None:
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _decode_escape(match: re.Match[str]) -> str:
    escape = match[1]
    if len(escape) == 5:
        return chr(int(escape[1:], 16))
    return _ESCAPED_CHARACTERS.get(escape, match[0])


def ends_with_unescaped_quote(text: str) -> bool:
    r"""Whether the text ends with `"`, and an even number of backslashes before it."""
    body = text[:-1]
    return text.endswith('"') and (len(body) - len(body.rstrip("\\"))) % 2 == 0


def has_stray_quote(text: str) -> bool:
    """Whether the text's last character is its one unescaped double quote: a JSON string's end."""
    return ends_with_unescaped_quote(text) and '"' not in _ESCAPE.sub("", text[:-1])


def looks_escaped(code: str) -> bool:
    r"""Whether one-line code must be an escaped form: `\n` stands where Python cannot have it.

    Outside a string, a backslash before a letter is an error, so such code does not parse;
    within a comment it does, and swallows all the lines that follow.
    """
    if "\\n" not in code or "\n" in code.strip():
        return False
    return _ESCAPED_LINE_IN_COMMENT.search(code) is not None or not parses(code)


def unescaped_code(code: str, steps: list[str]) -> str:
    """The code with a JSON string's escapes and quotes undone, where it parses without them alone."""
    if looks_escaped(code):
        decoded = without_stray_quotes(dedent(unescape(code), []), [])
        if parses(decoded):
            steps.append("unescape_code")
            return decoded
    return without_stray_quotes(code, steps)


def without_stray_quotes(code: str, steps: list[str]) -> str:
    """The code without the quotes and braces of a packaging around it, where only their loss makes it parse."""
    if code[-1:] not in _PACKAGING or parses(code):
        return code
    for first in range(1 + (code[0] in "'\"")):
        for last in range(len(code) - 1, max(first, len(code) - 1 - MAX_STRAY), -1):
            if code[last] not in _PACKAGING and not code[last].isspace():
                break
            bare = code[first:last].strip()
            if bare and parses(bare):
                steps.append("stray_quote_code")
                return bare
    return code


def dedent(raw: str, steps: list[str]) -> str:
    """Without the blank lines around it and the indentation common to all lines."""
    code = raw.rstrip().removeprefix("\ufeff")
    blank = _BLANK_LINES.match(code)
    if blank:
        code = code[blank.end() :]
    if not code[:1].isspace():
        return code
    steps.append("dedent")
    return textwrap.dedent(code).strip()
