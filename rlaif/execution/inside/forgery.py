"""A static check for code that names the channel of its own report.

What a snippet writes there makes no pass (`witness`), and costs it the one that it might have had. This check names
those who mean to, before they run. It flags nothing that an ordinary program has a use for: introspection, the
interpreter's frames and heap, code made at run time.
"""

from __future__ import annotations

import ast
import re

REPORT_DESCRIPTOR = 3
"""Where a child's report goes. No file that a snippet opens gets this number."""

_PATH = re.compile(r"/dev/fd/3|/proc/(self|thread-self|\d+)/(task/\d+/)?(fd/3|mem)")
_OPENERS = frozenset(("open", "fdopen", "FileIO"))
_HINT = re.compile(r"/fd/3|/mem\b|(open|FileIO)\s*\(\s*3\b")


def may_forge(code: str) -> bool:
    """Whether the text is worth a look at its tree."""
    return _HINT.search(code) is not None


def find_forgery(tree: ast.Module) -> tuple[str, int] | None:
    """The first construct that reaches for the report, and its line; None where there is none."""
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if _PATH.fullmatch(text):
                return text, node.lineno
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[ast.Constant(value=first), *_]):
                if name in _OPENERS and type(first) is int and first == REPORT_DESCRIPTOR:
                    return f"{name}({first})", node.lineno
    return None
