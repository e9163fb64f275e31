"""Torch Hub's shape: `{'domain': '...', 'api_call': '...', ..., 'code': '...'}`.

It looks like a Python dict and is none: quotes within values are not escaped, line breaks
are real, and some values have no quotes. So keys are found by their look, and a value is
what lies between its key and the next.
"""

from __future__ import annotations

import itertools
import re

from rlaif.data.normalise import parses, syntax_tree, unescape, unescaped_code
from rlaif.data.program.language import has_code_line
from rlaif.pattern import Pattern

_KEY = Pattern(
    r"[{,]\s{0,20}\\?['\"](domain|api_call|api_provider|explanation|code|api|provider|Instruction|Input|Output)\\?['\"]"
    r"\s{0,20}:"
)
_CONTENT_KEYS = frozenset({"domain", "api_call", "api_provider", "explanation", "code"})
_CODE_KEY = Pattern(
    r"[{,.;'\"\n]\s{0,20}\\?['\"]([\w -]{0,80}?(?:code|python|program|script|snippet)[\w -]{0,20})\\?['\"]\s{0,20}:",
    re.I,
)
_PROGRAM_KEY = Pattern(
    r"[{,.;'\"\n]\s{0,20}\\?['\"]([\w -]{1,100})\\?['\"]\s{0,20}:\s{0,20}(?=\\?['\"]?\s{0,4}(?:import|from)[ \t]+\w)"
)
_FOREIGN_KEY = Pattern(r"['\"]\s{0,20},\s{0,20}['\"][\w ]{1,40}['\"]\s{0,20}:")
_NEXT_KEY = Pattern(
    r"['\"]\s{0,20},\s{0,20}['\"](?:api|provider|domain|framework|functionality|performance|python_|example_|description)"
    r"\w{0,80}['\"]\s{0,20}:"
)
"""A key of the database's records, which some answers put between those of the format."""
_ESCAPED_QUOTE = Pattern(r"\\(['\"])")
_MAX_CUTS = 3
_MAX_FOREIGN = 8


def dict_sections(text: str) -> dict[str, str]:
    """The values of the keys that are sections of a completion; empty where there are none."""
    values = dict_values(text)
    return {name: value for name, value in values.items() if name in _CONTENT_KEYS and value.strip()}


def code_under_a_foreign_key(text: str) -> str | None:
    """What is plainly code though the format has no such key: None where nothing is.

    That is the first value whose key says code (`api_provider_code`, `Code`, `python`); else the first value, whatever
    its key, that is a program of several statements with an import first; else one that starts so and is damaged.
    """
    for key in itertools.islice(_CODE_KEY.finditer(text), _MAX_FOREIGN):
        code = unescaped_code(_code(text[key.end() :]), [])
        if has_code_line(code):
            return code
    keys = itertools.islice(_PROGRAM_KEY.finditer(text), _MAX_FOREIGN)
    found = [unescaped_code(_code(text[key.end() :]), []) for key in keys]
    whole = (code for code in found if (tree := syntax_tree(code)) is not None and len(tree.body) > 1)
    damaged = (unescape(code) for code in found if ("\n" in code or "\\n" in code) and not parses(code))
    return next(whole, next(damaged, None))


def dict_values(text: str) -> dict[str, str]:
    """Every known key's value without its quotes and the dict's tail; of two, the first counts.

    The code is the last value and runs to the end of the text.
    """
    keys = list(_KEY.finditer(text))
    values: dict[str, str] = {}
    for position, key in enumerate(keys):
        name = key[1]
        last = name == "code" or position + 1 == len(keys)
        raw = text[key.end() :] if last else text[key.end() : keys[position + 1].start()]
        if name not in values:
            values[name] = _code(raw) if name == "code" else _unquoted(raw, last)
        if name == "code":
            break
    return values


def _unquoted(raw: str, last: bool) -> str:
    value = raw.strip()
    if value[:1] == "\\":
        value = _ESCAPED_QUOTE.sub(r"\1", value)  # of a JSON string that was not known as one
    foreign = _NEXT_KEY.search(value)
    if foreign is not None:
        value = value[: foreign.start() + 1]
    if last:
        value = _without_tail(value)
    if not value or value[0] not in "'\"":
        return _ESCAPED_QUOTE.sub(r"\1", value)
    quote, inner = value[0], value[1:]
    return _ESCAPED_QUOTE.sub(r"\1", inner.removesuffix(quote))


def _without_tail(value: str) -> str:
    """Without the braces that close the dict, where a quote shows that they do so."""
    bare = value.rstrip("} \t\r\n")
    opened = value[:1] in ("'", '"')
    return value if opened and not bare.endswith(("'", '"')) else bare


def _code(raw: str) -> str:
    """The code, whose own braces and quotes are told from the dict's by what parses."""
    code = _unquoted_code(raw)
    if parses(code):
        return code
    for number, foreign in enumerate(_FOREIGN_KEY.finditer(raw)):
        if number == _MAX_CUTS:
            break
        shorter = _unquoted_code(raw[: foreign.start() + 1])
        if parses(shorter):
            return shorter
    if _ESCAPED_QUOTE.search(code):
        return _ESCAPED_QUOTE.sub(r"\1", code) if "\\n" not in code else unescape(code)
    return code


def _unquoted_code(raw: str) -> str:
    value = _without_tail(raw.strip())
    if value[:1] not in ("'", '"'):
        return value
    inner = value[1:]
    return inner[:-1] if inner[-1:] in ("'", '"') else inner
