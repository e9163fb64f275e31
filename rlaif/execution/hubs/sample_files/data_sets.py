"""Which data sets of a hub a snippet loads: by parsing alone."""

from __future__ import annotations

import ast

from rlaif.execution.hubs.sample_files.find import MAX_CODE
from rlaif.execution.hubs.sample_files.literals import Literals, callee

_LOADER = "load_dataset"


def data_sets_for(code: str) -> tuple[str, ...]:
    """Their ids, as the text states them; () where it does not parse."""
    if len(code) > MAX_CODE or _LOADER not in code:
        return ()
    try:
        tree = ast.parse(code)
        literals = Literals(tree)
        names: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and callee(node).rsplit(".", 1)[-1] == _LOADER:
                paths = [keyword.value for keyword in node.keywords if keyword.arg == "path"]
                names |= {name for path in (*node.args[:1], *paths) for name in literals.of(path)}
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    return tuple(sorted(names))
