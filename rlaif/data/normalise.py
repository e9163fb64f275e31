"""Sound normalisation of code that a model wrote: it undoes packaging, and repairs nothing.

Undone are a JSON string's escapes, a markdown fence and a common indentation. Not undone,
because they would change what the model said: shell lines such as `!pip install`, and a
tail that does not parse.
"""

from __future__ import annotations

import ast
import re
import textwrap
import warnings

MAX_PARSED_CHARS = 20_000
"""Longer code is taken as it is: nothing is tried on it that needs a parser to decide."""

_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED_CHARACTERS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\", "/": "/"}
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED_LINE_IN_COMMENT = re.compile(r"#[^\n]*\\n")
_BLANK_LINES = re.compile(r"(?:[^\S\n]*\n)+")
_FENCE = re.compile(r"```[ \t]*(?:[A-Za-z0-9_+-]+[ \t]*)?\n")


def parses(code: str) -> bool:
    """Whether Python's own parser takes the code (False for code over `MAX_PARSED_CHARS`)."""
    if len(code) > MAX_PARSED_CHARS:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True


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


def clean_code(raw: str, steps: list[str]) -> str:
    """The code within a section's text; appends to ``steps`` what was undone."""
    code = fence_body(raw, steps)
    code = dedent(code, steps)
    if looks_escaped(code):
        decoded = dedent(fence_body(unescape(code), []), [])
        if parses(decoded):
            steps.append("unescape_code")
            return decoded
    return code


def fence_body(raw: str, steps: list[str]) -> str:
    """What a markdown fence holds, where there is one that Python code could not hold itself."""
    if "```" not in raw:
        return raw
    opens = raw.lstrip().startswith("```")
    if not opens and parses(raw):
        return raw  # the fence is within a string
    steps.append("fence")
    start = _FENCE.search(raw)
    if start is None:
        body = raw.lstrip().removeprefix("```") if opens else raw
        return body.split("```", 1)[0]
    if not opens and raw.find("```") < start.start():
        return raw.split("```", 1)[0]  # code that ends with a fence which it never opened
    return raw[start.end() :].split("```", 1)[0]


def dedent(raw: str, steps: list[str]) -> str:
    """Without the blank lines around it and the indentation common to all lines."""
    code = raw.rstrip()
    blank = _BLANK_LINES.match(code)
    if blank:
        code = code[blank.end() :]
    if not code[:1].isspace():
        return code
    steps.append("dedent")
    return textwrap.dedent(code).strip()
