"""Which file of a fitted model a snippet loads, and how many columns it then gives to it: by parsing alone.

A model fits its data or fails, so a file is wanted only where the text says what is predicted
from: a sample table, columns chosen from one, or numbers that the snippet states itself.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence

from rlaif.execution.hubs.sample_files.contents import FEATURES, is_number_column
from rlaif.execution.hubs.sample_files.literals import Literals, callee

MAX_COLUMNS = 64
_MAX_MODELS = 8
_MAX_PREDICTIONS = 16
_ENDING = re.compile(r"\.(?:joblib|pkl|pickle|sav)$", re.IGNORECASE)
_LOADERS = ("joblib.load", "pickle.load")
_PREDICTIONS = ("predict", "predict_proba", "predict_log_proba", "decision_function")
_REGRESSION = re.compile(r"regress|r2_score|mean_(?:squared|absolute)", re.IGNORECASE)
_SAME_COLUMNS = frozenset(("to_numpy", "copy", "head", "tail", "fillna", "dropna", "astype", "sample", "reset_index"))
_MAX_DEPTH = 12

Columns = Sequence[str]


def models_for(tree: ast.Module, literals: Literals, tables: Mapping[str, Columns], code: str) -> dict[str, str]:
    """Path -> kind, as `contents` takes it.

    Args:
        tables: the columns of each sample table, by its path.
    """
    text = _Text(tree, literals, tables)
    task = "regression" if _REGRESSION.search(code) else "classification"
    found = {}
    for name, path in text.loaded():
        widths = {len(columns) if columns else 0 for columns in text.predicted_from(name)} or {len(FEATURES)}
        if len(widths) == 1 and 0 < (width := min(widths)) <= MAX_COLUMNS:
            found[path] = "model " + json.dumps({"columns": width, "task": task})
    return found


class _Text:
    """Follows a table from line to line: a name stands for what was last assigned to it above."""

    def __init__(self, tree: ast.Module, literals: Literals, tables: Mapping[str, Columns]) -> None:
        self._literals = literals
        self._tables = tables
        self._calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        self._bindings = [
            (target.id, node.lineno, node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        ]

    def loaded(self) -> list[tuple[str, str]]:
        """(name, path) of each model file that is loaded into a name."""
        found = []
        for name, _, value in self._bindings:
            if isinstance(value, ast.Call) and callee(value) in _LOADERS and value.args:
                source = value.args[0]
                if isinstance(source, ast.Call) and callee(source) == "open" and source.args:
                    source = source.args[0]
                found += [(name, path) for path in sorted(self._literals.of(source)) if _ENDING.search(path)]
        return found[:_MAX_MODELS]

    def predicted_from(self, model: str) -> list[Columns | None]:
        """The columns of each argument that the model predicts from; None where the text does not say."""
        names = [f"{model}.{name}" for name in _PREDICTIONS]
        calls = [call for call in self._calls if callee(call) in names][:_MAX_PREDICTIONS]
        return [self._columns(call.args[0], call.lineno) if call.args else None for call in calls]

    def _last(self, name: str, line: int) -> tuple[ast.expr, int] | None:
        above = [(value, number) for bound, number, value in self._bindings if bound == name and number < line]
        return max(above, key=lambda binding: binding[1], default=None)

    def _columns(self, node: ast.expr, line: int, depth: int = 0) -> Columns | None:
        if depth > _MAX_DEPTH:
            return None
        match node:
            case ast.Name(id=name):
                last = self._last(name, line)
                return self._columns(*last, depth + 1) if last else None
            case ast.Subscript(value=base, slice=chosen):
                names = self._names(chosen, line)
                is_table = self._columns(base, line, depth + 1) is not None
                return names if is_table and names and all(map(is_number_column, names)) else None
            case ast.Attribute(value=base, attr="values"):
                return self._columns(base, line, depth + 1)
            case ast.List():
                return _of_rows(node)
            case ast.Call(func=ast.Attribute(value=base, attr=method)) if method in _SAME_COLUMNS:
                return self._columns(base, line, depth + 1)
            case ast.Call(func=ast.Attribute(value=base, attr="drop")):
                return self._without(base, node, line, depth)
            case ast.Call(args=[source, *_]):
                return self._made(callee(node).rsplit(".", 1)[-1], source, line, depth)
        return None

    def _made(self, maker: str, source: ast.expr, line: int, depth: int) -> Columns | None:
        if maker in ("read_csv", "read_table"):
            of_files = [self._tables.get(path) for path in self._literals.of(source)]
            columns = of_files[0] if len(of_files) == 1 else None
            return columns if columns and all(map(is_number_column, columns)) else None
        if maker in ("array", "asarray"):
            return self._columns(source, line, depth + 1)
        if maker == "DataFrame" and isinstance(source, ast.Dict):
            are_numbers = all(_are_numbers(value) for value in source.values)
            return [str(index) for index in range(len(source.values))] if are_numbers else None
        return _of_rows(source) if maker == "DataFrame" else None

    def _without(self, base: ast.expr, call: ast.Call, line: int, depth: int) -> Columns | None:
        columns = self._columns(base, line, depth + 1)
        keywords = [keyword.value for keyword in call.keywords if keyword.arg in ("labels", "columns")]
        dropped = [*call.args[:1], *keywords]
        names = [name for node in dropped for name in self._names(node, line) or [""]]
        if columns is None or "" in names:
            return None
        return [column for column in columns if column not in names]

    def _names(self, node: ast.expr, line: int, depth: int = 0) -> Columns | None:
        """The strings of a list that the text states, or of the features that a sample config names."""
        if depth > _MAX_DEPTH:
            return None
        match node:
            case ast.Name(id=name):
                last = self._last(name, line)
                return self._names(*last, depth + 1) if last else None
            case ast.Constant(value=str(text)):
                return [text]
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                texts = [part.value for part in elements if isinstance(part, ast.Constant)]
                names = [text for text in texts if isinstance(text, str)]
                return names if len(names) == len(elements) else None
            case ast.Subscript(slice=ast.Constant(value=str(key))) if "features" in key:
                return FEATURES
        return None


def _of_rows(node: ast.expr) -> Columns | None:
    match node:
        case ast.List(elts=[ast.List() as row, *_]) if _are_numbers(row):
            return [str(index) for index in range(len(row.elts))]
    return None


def _are_numbers(node: ast.expr) -> bool:
    if isinstance(node, ast.List | ast.Tuple):
        return all(map(_are_numbers, node.elts))
    if isinstance(node, ast.UnaryOp):
        return _are_numbers(node.operand)
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)
