"""Which names does a program use before they are defined?

A walk over the syntax tree in the order in which Python evaluates it. It is lenient where
the order depends on a run: a branch's names count as bound after it, a loop's in its
whole body, and a function's body is looked at after the module, as if it were called last.
So it misses some errors, and what it reports would be a NameError in nearly every case.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

MODULE_NAMES = frozenset(
    {"__name__", "__file__", "__doc__", "__package__", "__spec__", "__loader__", "__builtins__"} | {"__annotations__"}
)
ALWAYS_DEFINED = MODULE_NAMES | frozenset(dir(builtins))

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass(frozen=True)
class UndefinedName:
    """A name and the line that first uses it."""

    name: str
    line: int


def undefined_names(tree: ast.Module) -> list[UndefinedName]:
    """The undefined names of a program, each once, in order of line.

    Empty where the program has a star import, as what that defines is not known, or is nested too deep to be walked.
    """
    if any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in ast.walk(tree)):
        return []
    walk = _Walk()
    try:
        walk.module(tree)
    except RecursionError:
        return []
    first: dict[str, int] = {}
    for found in walk.undefined:
        first[found.name] = min(found.line, first.get(found.name, found.line))
    return sorted((UndefinedName(name, line) for name, line in first.items()), key=lambda item: item.line)


def names_defined(tree: ast.Module) -> frozenset[str]:
    """The names that a module has once it has run; "*" stands for those of a star import.

    Of one nested too deep to be walked, all that is bound anywhere in it.
    """
    walk = _Walk()
    try:
        walk.module(tree)
    except RecursionError:
        return frozenset(_bound_anywhere(tree))
    return walk.bound


@dataclass
class _Scope:
    parent: _Scope | None
    kind: str
    """module, function, class or comprehension."""
    bound: set[str] = field(default_factory=set)
    local: frozenset[str] = frozenset()
    """Of a function: every name that its body binds, so that no outer one is meant."""
    outer: set[str] = field(default_factory=set)
    """Names declared global or nonlocal."""

    def module(self) -> _Scope:
        return self if self.parent is None else self.parent.module()

    def sees(self, name: str) -> bool:
        """Whether a use of the name here finds a value. A class's names are not seen from inside functions."""
        if name in self.bound:
            return True
        if name in self.local and name not in self.outer:
            return False
        scope = self.parent
        while scope is not None:
            if scope.kind != "class" and (name in scope.bound or name in scope.local):
                return True
            scope = scope.parent
        return name in ALWAYS_DEFINED

    def bind(self, name: str) -> None:
        self.bound.add(name)
        if name in self.outer:
            self.module().bound.add(name)


class _Walk(ast.NodeVisitor):
    """Visits in order of evaluation; `_later` holds the function bodies."""

    def __init__(self) -> None:
        self.undefined: list[UndefinedName] = []
        self._scope = _Scope(None, "module")
        self._later: list[Callable[[], None]] = []

    def module(self, tree: ast.Module) -> None:
        self._scope.bound |= {
            name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names
        } & _bound_anywhere(tree)
        self._visit_all(tree.body)
        while self._later:
            self._later.pop(0)()

    @property
    def bound(self) -> frozenset[str]:
        """The names of the module, after `module`."""
        return frozenset(self._scope.bound)

    def _visit_all(self, nodes: Iterable[ast.AST | None]) -> None:
        for node in nodes:
            if node is not None:
                self.visit(node)

    def _inside(self, scope: _Scope, visit: Callable[[], None]) -> None:
        outer, self._scope = self._scope, scope
        visit()
        self._scope = outer

    # Names

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self._scope.bind(node.id)
        elif not self._scope.sees(node.id):
            self.undefined.append(UndefinedName(node.id, node.lineno))

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        scope = self._scope
        while scope.kind == "comprehension" and scope.parent is not None:
            scope.bind(node.target.id)
            scope = scope.parent
        scope.bind(node.target.id)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            self._scope.bind(alias.asname or alias.name.partition(".")[0])

    visit_ImportFrom = visit_Import

    def visit_Global(self, node: ast.Global | ast.Nonlocal) -> None:
        self._scope.outer.update(node.names)

    visit_Nonlocal = visit_Global

    # Statements whose parts are evaluated in another order than they are written

    def visit_Assign(self, node: ast.Assign) -> None:
        self._visit_all([node.value, *node.targets])

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if self._scope.kind != "function":
            self.visit(node.annotation)
        if node.value is not None:
            self._visit_all([node.value, node.target])

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.visit(ast.copy_location(ast.Name(node.target.id, ast.Load()), node.target))
        self._visit_all([node.value, node.target])

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        self._bind_all(_bound_anywhere(node))
        self._visit_all([node.target, *node.body, *node.orelse])

    visit_AsyncFor = visit_For

    def visit_While(self, node: ast.While) -> None:
        self._visit_all([node.test])
        self._bind_all(_bound_anywhere(node))
        self._visit_all([*node.body, *node.orelse])

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self._visit_all([node.type])
        if node.name is not None:
            self._scope.bind(node.name)
        self._visit_all(node.body)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        self._visit_all([node.pattern])
        self._bind_all([node.name] if node.name else [])

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        self._bind_all([node.name] if node.name else [])

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self._visit_all([*node.keys, *node.patterns])
        self._bind_all([node.rest] if node.rest else [])

    def _bind_all(self, names: Iterable[str]) -> None:
        for name in names:
            self._scope.bind(name)

    # Scopes

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._visit_all(node.decorator_list)
        self._function(node, node.body)
        self._scope.bind(node.name)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._function(node, [node.body])

    def _function(self, node: FunctionNode, body: Sequence[ast.AST]) -> None:
        """Defaults now, the body later, in a scope that starts with the parameters."""
        arguments = node.args
        self._visit_all([*arguments.defaults, *arguments.kw_defaults])
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [star for star in (arguments.vararg, arguments.kwarg) if star is not None]
        type_params = {parameter.name for parameter in getattr(node, "type_params", [])}
        bound = {argument.arg for argument in every} | type_params | {"__class__"}
        if not isinstance(node, ast.Lambda) and not type_params:
            self._visit_all([argument.annotation for argument in every] + [node.returns])
        outer = {
            name
            for part in body
            for inner in ast.walk(part)
            if isinstance(inner, ast.Global | ast.Nonlocal)
            for name in inner.names
        }
        local = frozenset(set().union(*(_bound_here(part) for part in body)) - outer)
        scope = _Scope(self._scope, "function", bound, local, outer)
        self._later.append(lambda: self._inside(scope, lambda: self._visit_all(body)))

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        type_params = {parameter.name for parameter in getattr(node, "type_params", [])}
        self._visit_all(node.decorator_list)
        scope = _Scope(self._scope, "class", {"__module__", "__qualname__", *type_params})
        self._inside(scope, lambda: self._visit_all([*node.bases, *node.keywords, *node.body]))
        self._scope.bind(node.name)

    def visit_ListComp(self, node: Comprehension) -> None:
        first, *others = node.generators
        self.visit(first.iter)
        scope = _Scope(self._scope, "comprehension")
        self._inside(scope, lambda: self._comprehension(node, first, others))

    visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_ListComp

    def _comprehension(
        self, node: Comprehension, first: ast.comprehension, others: Sequence[ast.comprehension]
    ) -> None:
        self._visit_all([first.target, *first.ifs])
        for generator in others:
            self._visit_all([generator.iter, generator.target, *generator.ifs])
        self._visit_all([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt])

    def visit_TypeAlias(self, node: ast.AST) -> None:
        """`type X = ...` (3.12): the value is evaluated only when somebody asks for it."""
        self.visit(node.name)  # type: ignore[attr-defined]


def _bound_anywhere(tree: ast.AST) -> set[str]:
    """Every name that some node below binds, in whatever scope."""
    return set().union(*(_binds(node) for node in ast.walk(tree)))


def _bound_here(node: ast.AST) -> set[str]:
    """The names that a function's statement binds in the function itself, not in one nested in it."""
    names = _binds(node)
    if isinstance(node, FunctionNode | ast.ClassDef):
        return names
    if isinstance(node, Comprehension):
        return {inner.target.id for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr)}
    return names.union(*(_bound_here(child) for child in ast.iter_child_nodes(node)))


def _binds(node: ast.AST) -> set[str]:
    """The names that this one node binds."""
    if isinstance(node, ast.Name):
        return {node.id} if isinstance(node.ctx, ast.Store) else set()
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        return {node.name} if node.name else set()
    if isinstance(node, ast.MatchMapping):
        return {node.rest} if node.rest else set()
    return set()
