"""The API calls in a piece of code, and the database rows that they call."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from rlaif.records import ApiRow
from rlaif.source.stdlib import is_stdlib

CALLEE = re.compile(r"^\s*(?:[\w, ]+=\s*)?([A-Za-z_][\w.]*)\s*\(")
STRING = re.compile(r"'([^'\n]*)'|\"([^\"\n]*)\"")

PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "torch.hub.load": ("repo_or_dir", "model"),
    "pipeline": ("task", "model"),
    "from_pretrained": ("pretrained_model_name_or_path",),
    "hub.load": ("handle",),
    "hub.KerasLayer": ("handle",),
}
"""What positional arguments of the hubs' loaders are called, by the end of the callee's name."""


@dataclass(frozen=True)
class Call:
    """A call of a dotted name."""

    written: str
    """The callee as the code spells it: "np.load", "model.eval"."""
    resolved: str
    """The callee with the code's imports put in: "numpy.load"."""
    line: int
    num_positional: int
    keywords: tuple[str, ...]
    strings: frozenset[str]
    """String values anywhere in the arguments; names bound once to a string count as that string."""
    literals: Mapping[str, object] = field(default_factory=dict)
    """Literal arguments by parameter name; only those whose name is known."""
    unpacks: bool = False
    """Has * or ** arguments, so that their number is not known."""
    repeated: str = ""
    """A parameter that is given both by position and by keyword."""
    local: bool = False
    """The callee starts with a variable of the code, so that `queue.remove` is not of the module queue."""

    @property
    def in_stdlib(self) -> bool:
        return not self.local and "." in self.resolved and is_stdlib(self.resolved)

    def is_named(self, callee: str) -> bool:
        """Whether this calls `callee`, which may be the end of the resolved name."""
        return callee in (self.written, self.resolved) or self.resolved.endswith(f".{callee}")


@dataclass(frozen=True)
class Bindings:
    """What names stand for in a piece of code."""

    imports: Mapping[str, str] = field(default_factory=dict)
    strings: Mapping[str, str] = field(default_factory=dict)
    variables: frozenset[str] = frozenset()


def bindings_of(tree: ast.AST) -> Bindings:
    """Import aliases, and names that are assigned once and to a string."""
    imports: dict[str, str] = {}
    assigned: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                root = alias.name.partition(".")[0]
                imports[alias.asname or root] = alias.name if alias.asname else root
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            imports.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    assigned.setdefault(target.id, []).append(node.value)
    strings = {
        name: values[0].value
        for name, values in assigned.items()
        if len(values) == 1 and isinstance(values[0], ast.Constant) and isinstance(values[0].value, str)
    }
    stored = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return Bindings(imports, strings, frozenset(stored - set(imports)))


def calls_in(tree: ast.AST, bindings: Bindings) -> list[Call]:
    """Every call of a dotted name, outermost first within an expression."""
    return [call for node in ast.walk(tree) if isinstance(node, ast.Call) and (call := _call(node, bindings))]


def calls_in_text(text: str, bindings: Bindings) -> list[Call]:
    """The calls of an api_call section, such as "model = torch.hub.load('a/b', 'c')".

    Falls back on a pattern where the text does not parse, as 22 rows of APIBench do not.
    """
    try:
        return calls_in(ast.parse(text.strip().rstrip(".")), bindings)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        match = CALLEE.match(text)
    if match is None:
        return []
    strings = frozenset(one or other for one, other in STRING.findall(text))
    return [Call(match[1], _resolve(match[1], bindings), 1, 0, (), strings, unpacks=True)]


def _call(node: ast.Call, bindings: Bindings) -> Call | None:
    written = dotted_name(node.func)
    if written is None:
        return None
    resolved = _resolve(written, bindings)
    keywords = [(keyword.arg, keyword.value) for keyword in node.keywords if keyword.arg is not None]
    given = [*zip(_parameters(resolved) or _parameters(written), node.args, strict=False), *keywords]
    names = [name for name, _ in given]
    return Call(
        written=written,
        resolved=resolved,
        line=node.lineno,
        num_positional=len(node.args),
        keywords=tuple(name for name, _ in keywords),
        strings=frozenset(_strings(node, bindings)),
        literals={name: value.value for name, value in given if isinstance(value, ast.Constant)},
        unpacks=len(keywords) < len(node.keywords) or any(isinstance(arg, ast.Starred) for arg in node.args),
        repeated=next((name for name in names if names.count(name) > 1), ""),
        local=written.partition(".")[0] in bindings.variables,
    )


def _parameters(callee: str) -> tuple[str, ...]:
    return next((names for end, names in PARAMETERS.items() if f".{callee}".endswith(f".{end}")), ())


def dotted_name(node: ast.expr) -> str | None:
    """ "a.b.c" of a name or an attribute of a dotted name, else None."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted_name(node.value)
        return f"{base}.{node.attr}" if base else None
    return None


def _resolve(written: str, bindings: Bindings) -> str:
    root, dot, rest = written.partition(".")
    return bindings.imports.get(root, root) + dot + rest


def _strings(node: ast.Call, bindings: Bindings) -> Iterator[str]:
    for part in [*node.args, *(keyword.value for keyword in node.keywords)]:
        for inner in ast.walk(part):
            if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                yield inner.value
            elif isinstance(inner, ast.Name) and inner.id in bindings.strings:
                yield bindings.strings[inner.id]


@dataclass(frozen=True)
class KnownApi:
    """A database row and the call that it shows.

    The strings in the row's call (repository, model, task, URL) are part of what the API
    is: a call is this API where it has all of them, in whatever position.
    """

    row: ApiRow
    call: Call

    def is_called_by(self, call: Call) -> bool:
        return call.is_named(self.call.resolved) and self.call.strings <= call.strings


class ApiDatabase:
    """The rows of an API database, found by call."""

    def __init__(self, rows: Sequence[ApiRow]) -> None:
        self.rows = tuple(rows)

    def __bool__(self) -> bool:
        return bool(self.rows)

    @cached_property
    def _by_function(self) -> dict[str, list[KnownApi]]:
        """Rows by the last part of the callee's name. Rows that are no calls (shell commands) are left out."""
        found: dict[str, list[KnownApi]] = {}
        for row in self.rows:
            for call in calls_in_text(row.api_call, Bindings())[:1]:
                found.setdefault(call.written.rpartition(".")[2], []).append(KnownApi(row, call))
        return found

    def find(self, call: Call) -> list[KnownApi]:
        """The rows whose API the call calls. Several, where the database lists an API more than once."""
        last = {call.written.rpartition(".")[2], call.resolved.rpartition(".")[2]}
        candidates = [api for name in sorted(last) for api in self._by_function.get(name, [])]
        return [api for api in candidates if api.is_called_by(call)]

    def has_callee(self, call: Call) -> bool:
        """Whether some row calls the same function, with whatever arguments."""
        last = call.resolved.rpartition(".")[2]
        return any(call.is_named(api.call.resolved) for api in self._by_function.get(last, []))
