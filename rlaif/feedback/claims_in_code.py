"""A program as claims: what it imports, which APIs it calls, with what arguments, and the use of the results."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rlaif.source.calls import Bindings, bindings_of, dotted_name
from rlaif.source.parse import parse
from rlaif.source.written import TOO_DEEP, source_of

KINDS = ("imports", "api", "arguments", "result")
LONGEST_SUBJECT = 200

IN_GENERAL = {
    "imports": "Everything that the code imports",
    "api": "The API that the code calls",
    "arguments": "Each call of the code",
    "result": "Each call of the code",
}
"""The subjects where the code cannot be divided: it does not parse, or imports and calls nothing."""


@dataclass(frozen=True)
class Claim:
    """One thing that a program takes for true."""

    kind: str
    text: str


def claims_in_code(code: str | None, texts: Mapping[str, str]) -> list[Claim]:
    """Claims in the order of the lines, each once.

    Code that cannot be divided makes one claim of each kind, so that what does not
    parse is not the one program in which nothing can be rejected.

    Args:
        texts: By kind, the claim with a {subject}.
    """
    tree, _, _ = parse(code or "")
    subjects = list(dict.fromkeys(_subjects(tree))) if tree is not None else []
    subjects = subjects or list(IN_GENERAL.items())
    return [Claim(kind, texts[kind].replace("{subject}", subject)) for kind, subject in subjects]


def _subjects(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(kind, what it is about)."""
    bindings = bindings_of(tree)
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom | ast.Call)]
    for node in sorted(nodes, key=lambda node: (node.lineno, node.col_offset)):
        if not isinstance(node, ast.Call):
            yield "imports", _written(node)
        elif (called := _imported(node, bindings)) is not None:
            call = _written(node)
            yield "api", f"`{called}`"
            yield "arguments", call
            yield "result", call


def _imported(node: ast.Call, bindings: Bindings) -> str | None:
    """What a call calls, where its name comes from an import."""
    name = dotted_name(node.func)
    root, dot, rest = (name or "").partition(".")
    return bindings.imports[root] + dot + rest if root in bindings.imports else None


def _written(node: ast.AST) -> str:
    text = source_of(node)
    if text == TOO_DEEP:
        text = "a call nested too deeply to be shown"
    return f"`{text[:LONGEST_SUBJECT]}`" + ("…" if len(text) > LONGEST_SUBJECT else "")
