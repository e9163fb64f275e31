"""The strings that an expression of a snippet may stand for, as far as its text says."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

_MAX_DEPTH = 4
_MAX_TEXTS = 32
MAX_TEXT = 200
"""Characters of a string that is looked at; a longer one is no path."""
_MAX_STEPS = 20_000
"""Of following names in one snippet, which could be written so as to take for ever."""
_TABLE_READERS = ("read_csv", "read_table", "DataFrame")
_OBJECT_READERS = ("json.load", "json.loads", "read_json", ".json")
_COLUMN_KEYWORDS = frozenset(("columns", "usecols", "index_col", "subset", "by"))


def callee(call: ast.Call) -> str:
    """The dotted name of what is called; its last part alone where more than names are before it."""
    parts: list[str] = []
    node: ast.expr = call.func
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        parts.append(node.id)
    return ".".join(reversed(parts))


class Literals:
    """Follows names to what is assigned to them, and parameters to what they are called with; order is not followed."""

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self._values: dict[str, list[ast.expr]] = defaultdict(list)
        self._steps_left = _MAX_STEPS
        parameters: dict[str, list[str]] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names = [argument.arg for argument in node.args.args]
                parameters[node.name] = names
                for name, default in zip(reversed(names), reversed(node.args.defaults), strict=False):
                    self._values[name].append(default)
        for node in ast.walk(tree):
            for name, value in _bindings(node, parameters):
                self._values[name].append(value)

    def of(self, node: ast.expr, depth: int = 0) -> set[str]:
        """The strings that the expression itself may be, or that its elements may."""
        self._steps_left -= 1
        if depth > _MAX_DEPTH or self._steps_left < 0:
            return set()
        match node:
            case ast.Constant(value=str(text)):
                return {text} if len(text) <= MAX_TEXT else set()
            case ast.Name(id=name):
                return {text for value in self._values[name][:_MAX_TEXTS] for text in self.of(value, depth + 1)}
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                return {text for element in elements[:_MAX_TEXTS] for text in self.of(element, depth + 1)}
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._joined("", [left, right], depth)
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return self._joined("/", [left, right], depth)
            case ast.JoinedStr(values=values):
                parts = [value.value if isinstance(value, ast.FormattedValue) else value for value in values]
                return self._joined("", parts, depth)
            case ast.Call() if callee(node) in ("os.path.join", "path.join", "Path", "pathlib.Path"):
                return self._joined("/", node.args, depth)
            case ast.Call() if callee(node) in ("str", "os.path.abspath", "os.path.expanduser") and node.args:
                return self.of(node.args[0], depth + 1)
        return set()

    def below(self, node: ast.AST) -> set[str]:
        """The string constants that a statement or expression names itself, not those of its inner calls."""
        found: set[str] = set()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.keyword):
                child = child.value
            if isinstance(child, ast.Constant) and isinstance(child.value, str) and len(child.value) <= MAX_TEXT:
                found.add(child.value)
            elif isinstance(child, ast.List | ast.Tuple | ast.Dict):
                found |= self.below(child)
        return found

    def indexed(self) -> tuple[list[str], list[str]]:
        """(columns, keys) that the code asks for of its tables and of its objects read from JSON, in order."""
        tables, objects = self._names_of(_TABLE_READERS), self._names_of(_OBJECT_READERS)
        columns: dict[str, None] = {}
        keys: dict[str, None] = {}
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and isinstance(node.ctx, ast.Load):
                wanted = keys if node.value.id in objects else columns if node.value.id in tables else {}
                wanted.update(dict.fromkeys(self._index(node.slice)))
            elif isinstance(node, ast.Call) and tables:
                parts = [keyword.value for keyword in node.keywords if keyword.arg in _COLUMN_KEYWORDS]
                if callee(node).rsplit(".", 1)[-1] in ("drop", "pop", "groupby") and node.args:
                    parts.append(node.args[0])
                columns.update(dict.fromkeys(text for part in parts for text in self._index(part)))
        return list(columns)[:_MAX_TEXTS], list(keys)[:_MAX_TEXTS]

    def _index(self, node: ast.expr) -> list[str]:
        parts = list(ast.walk(node))
        for name in [part.id for part in parts if isinstance(part, ast.Name)]:
            parts += [
                part
                for value in self._values.get(name, ())[:_MAX_TEXTS]
                if isinstance(value, ast.List | ast.Tuple)
                for part in value.elts[:_MAX_TEXTS]
            ]
        constants = [part.value for part in parts if isinstance(part, ast.Constant)]
        return [value for value in constants if isinstance(value, str)]

    def _names_of(self, readers: tuple[str, ...]) -> set[str]:
        """The names that hold what a reader gave, or what was made of that by a subscript or a method."""
        names: set[str] = set()
        for _ in range(_MAX_DEPTH):
            for name, values in self._values.items():
                if any(self._comes_from(value, readers, names) for value in values):
                    names.add(name)
        return names

    def _comes_from(self, node: ast.expr, readers: tuple[str, ...], names: set[str]) -> bool:
        match node:
            case ast.Call() if f".{callee(node)}".endswith(readers):
                return True
            case ast.Name(id=name):
                return name in names
            case ast.Call(func=ast.Attribute(value=inner)):
                return self._comes_from(inner, readers, names)
        return False

    def _joined(self, separator: str, parts: list[ast.expr], depth: int) -> set[str]:
        texts = {""}
        for number, part in enumerate(parts):
            ends = self.of(part, depth + 1)
            texts = {start + separator * bool(number) + end for start in texts for end in ends}
            if len(texts) > _MAX_TEXTS or any(len(text) > MAX_TEXT for text in texts):
                return set()
        return texts - {""}


def _bindings(node: ast.AST, parameters: dict[str, list[str]]) -> Iterator[tuple[str, ast.expr]]:
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                if isinstance(target, ast.Name):
                    yield target.id, value
                elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                    for element, part in zip(target.elts, value.elts, strict=False):
                        if isinstance(element, ast.Name):
                            yield element.id, part
        case (
            ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            | ast.NamedExpr(target=ast.Name(id=name), value=value)
        ):
            yield name, value
        case ast.For(target=ast.Name(id=name), iter=value):
            yield name, value
        case ast.Call(func=ast.Name(id=function)) if function in parameters:
            yield from zip(parameters[function], node.args, strict=False)
            yield from ((keyword.arg, keyword.value) for keyword in node.keywords if keyword.arg)
