"""Code that nothing marks: the whole text, or a part of it that prose surrounds."""

from __future__ import annotations

import ast
import keyword
import re
import warnings

from rlaif.data.normalise import MAX_PARSED_CHARS, syntax_tree
from rlaif.data.program.language import CODE_LINE, DEFINITE_LINE, does_something, is_program
from rlaif.pattern import Pattern

MAX_STARTS = 5
"""So many lines of a text of prose are tried as the first line of its code."""
MAX_LEAD_CHARS = 80

_LEAD = Pattern(r".*[:：][*_]{0,2}[ \t]*$|[ \t]*\*\*.*$")
_KEYWORDS = frozenset(keyword.kwlist) | {"case", "match"}
_WORDS = Pattern(r"[-*(\"'`]*(?:[A-Z][\w'’-]*|[A-Za-z][\w'’-]*[ \t]+[\w'’,.;()`*\"/-]+)(?:[ \t]+[\w'’,.;()`*\"/-]+)+")
_LAST_HEADING = Pattern(r"(?:\n\s*#{2,6}[ \t]+[A-Z][\w ]{0,40}:?[ \t]*)+$")
_TITLE = Pattern(r"[*_]*[A-Z][\w ]{0,40}[*_]*:[*_]*(?:[ \t][^=]*)?$")
_ITEM = Pattern(r"(?:[-*•]|\d{1,3}[.)])[ \t]+[A-Za-z`*\"]|[A-Z][\w'’]*$")
_MARKUP = Pattern(r"[^\W\d_a-zA-Z]|[^\w\s!-~]|>[ \t]|\*[ \t*]|(?:-{3,}|={3,}|_{3,}|\*{3,})$")
"""Other letters than Python's words start with, a symbol, a quotation, an item, bold words, a rule."""
_SENTENCE = Pattern(r"[A-Z][\w ,'’()/-]*[.!:?]$")


def whole_program(text: str) -> str | None:
    """The text itself where it is plainly code; a single expression is so where it calls a builtin, as `print(x)`."""
    if not CODE_LINE.match(text.lstrip()):
        return None
    tree = syntax_tree(text)
    if tree is None or _prose_line(tree, text) is not None:
        return None
    return text if does_something(tree, text, lone_call=False) else None


def program_within(text: str, last_start: int | None = None) -> tuple[str, str] | None:
    """(the prose before the code, the code) where code is set apart from the prose around it.

    Apart means: at the start of the text, after a blank line, or after a short line that ends in a colon. A first line
    that can only be Python makes the text code from there on, also where the code does not parse.

    ``last_start``: where the code starts at the latest; None wherever it likes.
    """
    if len(text) > MAX_PARSED_CHARS:
        return None
    lines = text.split("\n")
    starts, position = 0, -1
    for number, line in enumerate(lines):
        position += 1 + (len(lines[number - 1]) if number else 0)
        if last_start is not None and position > last_start:
            return None
        if not CODE_LINE.match(line.lstrip()) or line.startswith("##") or not _is_apart(lines, number):
            continue
        starts += 1
        if starts > MAX_STARTS:
            return None
        code = _code_from(lines[number:])
        if code is not None:
            return "\n".join(lines[:number]), code
    return None


def program_around(text: str, mark: int) -> tuple[str, str] | None:
    """(the prose before the code, the code) where the code starts before a mark of the text and holds it.

    It parses, so that the mark is in one of its strings or comments.
    """
    line_start = text.rfind("\n", 0, mark) + 1
    before = text[:mark]
    if '"""' not in before and "'''" not in before and not text[line_start:mark].strip():
        return None  # it stands in no string
    found = program_within(text, mark)
    if found is None or len(found[0]) + len(found[1]) <= mark or syntax_tree(found[1]) is None:
        return None
    return found


def _is_apart(lines: list[str], number: int) -> bool:
    if number == 0 or not lines[number - 1].strip():
        return True
    before = lines[number - 1]
    if before.startswith("##"):
        return True
    return len(before) <= MAX_LEAD_CHARS and _LEAD.match(before) is not None and not CODE_LINE.match(before.lstrip())


def _code_from(lines: list[str]) -> str | None:
    """The code that starts with the first of the lines, up to the prose after it."""
    indent = len(lines[0]) - len(lines[0].lstrip())
    own = [line[indent:] if not line[:indent].strip() else line for line in lines]
    code = "\n".join(own).rstrip()
    end = code.count("\n") + 1
    error = _error_line(code)
    if error is None:
        return code if is_program(code, lone_call=False) else None
    before = "\n".join(own[: error - 1]).rstrip()
    title = _error_line(before)
    if title is not None and title == before.count("\n") + 1:
        before = "\n".join(own[: title - 1]).rstrip()  # its title, underlined on the next line
    if 1 < error <= end and _ends_code(own[error - 1]) and is_program(before, lone_call=False):
        return _LAST_HEADING.sub("", before)
    if DEFINITE_LINE.match(own[0]):
        prose = next((n for n in range(1, end) if _is_prose(own[n]) and not own[n - 1].strip()), end)
        return "\n".join(own[:prose]).rstrip()
    return None


def _ends_code(line: str) -> bool:
    return line.startswith(("```", "~~~")) or _is_prose(line)


def _error_line(code: str) -> int | None:
    """The line at which the code stops parsing or being code, from 1; None where all is code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _prose_line(ast.parse(code), code)
        except SyntaxError as error:
            return max(1, error.lineno or 1)
        except (ValueError, RecursionError, MemoryError):
            return 1


def _prose_line(tree: ast.Module, text: str) -> int | None:
    """The first line of prose that parses: `Output: {"a": 1}` is an annotation, and "Done" a name."""
    for statement in tree.body:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Starred):
            return statement.lineno
        if isinstance(statement, ast.AnnAssign) and statement.value is None and isinstance(statement.target, ast.Name):
            name = statement.target.id
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Name):
            name = statement.value.id
        else:
            continue
        if name[0].isupper() and len(re.findall(rf"\b{name}\b", text)) == 1:
            return statement.lineno
    return None


def _is_prose(line: str) -> bool:
    """Whether a line is a sentence or a heading rather than code."""
    if line[:1].isspace() or line.startswith(("#", "@")):
        return False
    stripped = line.strip()
    first = re.match(r"[A-Za-z]+", stripped)
    if first is not None and first[0] in _KEYWORDS:
        return False
    patterns = (_WORDS, _TITLE, _SENTENCE, _ITEM, _MARKUP)
    return any(pattern.match(stripped) for pattern in patterns)
