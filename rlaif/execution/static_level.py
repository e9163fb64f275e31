"""Level 0: what can be told of a snippet without running it, in milliseconds.

It parses, its names are defined, what it imports and takes from modules exists in the
environment, its pipelines' tasks too, and the ids that it loads are known. What cannot be
told counts for the snippet: level 0 misses errors, and what it reports would fail in
nearly every run. Code that handles its own errors is not held to them.
"""

from __future__ import annotations

import ast
import inspect
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rlaif.execution.api_ids import ApiId, ids_loaded
from rlaif.execution.classify import REAL_PACKAGES
from rlaif.execution.static_index import EnvironmentIndex
from rlaif.execution.verdict import Status, Verdict
from rlaif.source.calls import bindings_of, calls_in, dotted_name
from rlaif.source.parse import parse
from rlaif.source.scopes import undefined_names
from rlaif.source.stdlib import can_look_into, find_module, is_stdlib

_SEVERITY: tuple[Status, ...] = ("fault", "unknown_api", "inconclusive")
_PIPELINES = ("transformers.pipeline", "transformers.pipelines.pipeline")
_TRANSLATION = "translation_"  # "translation_en_to_fr": a task of any two languages


@dataclass(frozen=True)
class _Finding:
    status: Status
    kind: str
    message: str
    line: int


class StaticCheck:
    """Checks snippets against an environment; stands in for an executor wherever verdicts are asked for.

    Args:
        index: what the environment has (`static_index.load_index`); the default has the standard library alone.
        known: the hub's ids (`api_ids`); without any, ids are not looked at.
    """

    def __init__(self, index: EnvironmentIndex | None = None, known: frozenset[ApiId] = frozenset()) -> None:
        self._index = index or EnvironmentIndex()
        self._known = known
        self._known_strings = frozenset().union(*known)

    def run(self, snippets: Sequence[str | None], progress: Callable[[int], None] | None = None) -> list[Verdict]:
        """One verdict per snippet, in order; `progress` is called with 1 after each."""
        verdicts = []
        for code in snippets:
            verdicts.append(self._check(code))
            if progress is not None:
                progress(1)
        return verdicts

    def _check(self, code: str | None) -> Verdict:
        started = time.perf_counter()
        if code is None or not code.strip():
            return Verdict("fault", "no_code", "there is no code", None, 0.0)
        tree, error, line = parse(code)
        if tree is None:
            return Verdict("fault", "syntax", error, line, time.perf_counter() - started)
        try:
            guarded = _guarded_lines(tree)
            findings = [found for found in self._findings(tree) if found.line not in guarded]
        except RecursionError:
            findings = [_Finding("inconclusive", "resource", "nested too deeply to be analysed", 1)]
        seconds = time.perf_counter() - started
        if not findings:
            return Verdict("pass", "", "", None, seconds)
        first = min(findings, key=lambda found: (_SEVERITY.index(found.status), found.line))
        return Verdict(first.status, first.kind, first.message, first.line, seconds)

    def _findings(self, tree: ast.Module) -> Iterator[_Finding]:
        for name in undefined_names(tree):
            yield _Finding("fault", "name", f"name '{name.name}' is not defined", name.line)
        yield from self._imports(tree)
        yield from self._attributes(tree)
        yield from self._tasks(tree)
        yield from self._ids(tree)

    # Imports

    def _imports(self, tree: ast.Module) -> Iterator[_Finding]:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield from self._module(alias.name, node.lineno)
            elif isinstance(node, ast.ImportFrom) and node.level:
                yield _Finding("fault", "import", "a relative import, and the snippet is no package", node.lineno)
            elif isinstance(node, ast.ImportFrom) and node.module:
                missing = list(self._module(node.module, node.lineno))
                yield from missing
                if not missing:
                    for alias in node.names:
                        yield from self._member(node.module, alias.name, node.lineno)

    def _module(self, name: str, line: int) -> Iterator[_Finding]:
        root = name.partition(".")[0]
        if is_stdlib(root):
            if can_look_into(name) and find_module(name) is None:
                yield _Finding("fault", "import", f"no module '{name}'", line)
        elif root not in self._index.packages:
            if root in REAL_PACKAGES:
                yield _Finding("inconclusive", "package_missing", f"'{root}' is not installed", line)
            else:
                yield _Finding("fault", "import", f"no module '{root}'", line)
        elif root in self._index.looked_into and not self._may_be_module(name):
            yield _Finding("fault", "import", f"no module '{name}'", line)

    def _may_be_module(self, name: str) -> bool:
        if name in self._index.listed:
            return True
        parent, _, last = name.rpartition(".")
        names = self._index.modules.get(parent)
        return names is None or last in names

    def _member(self, module: str, name: str, line: int) -> Iterator[_Finding]:
        if name == "*" or f"{module}.{name}" in self._index.listed:
            return
        if can_look_into(module):
            found = find_module(module)
            if found is not None and not hasattr(found, name) and find_module(f"{module}.{name}") is None:
                yield _Finding("fault", "api_absent", f"module '{module}' has no '{name}'", line)
            return
        names = self._index.modules.get(module)
        if names is not None and name not in names:
            yield _Finding("fault", "api_absent", f"module '{module}' has no '{name}'", line)

    # Attributes of modules

    def _attributes(self, tree: ast.Module) -> Iterator[_Finding]:
        imports = bindings_of(tree).imports
        rebound = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        rebound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Load):
                continue
            dotted = dotted_name(node)
            root, _, rest = (dotted or "").partition(".")
            if root in imports and root not in rebound:
                parts = f"{imports[root]}.{rest}".split(".")
                missing = self._missing_in_stdlib(parts) if is_stdlib(parts[0]) else self._missing_in_package(parts)
                if missing is not None:
                    yield _Finding("fault", missing[0], missing[1], node.lineno)

    def _missing_in_package(self, parts: list[str]) -> tuple[str, str] | None:
        """(kind, message) where a module on the way has no such name; None where that is not known."""
        module = parts[0]
        for part in parts[1:]:
            names = self._index.modules.get(module)
            dotted = f"{module}.{part}"
            if names is not None and part in names:
                if names[part] is None:
                    return None
                module = names[part] or dotted
            elif dotted in self._index.listed:
                module = dotted
            elif names is None:
                return None
            else:
                return "api_absent", f"module '{module}' has no '{part}'"
        return None

    def _missing_in_stdlib(self, parts: list[str]) -> tuple[str, str] | None:
        name = parts[0]
        found = find_module(name)
        for part in parts[1:]:
            if not (inspect.ismodule(found) or inspect.isclass(found)):
                return None
            inner = getattr(found, part, None) if hasattr(found, part) else find_module(f"{name}.{part}")
            if inner is None and not hasattr(found, part):
                kind = "api_absent" if inspect.ismodule(found) else "attribute"
                return kind, f"'{name}' has no '{part}'"
            name, found = f"{name}.{part}", inner
        return None

    # Tasks and ids

    def _tasks(self, tree: ast.Module) -> Iterator[_Finding]:
        if not self._index.tasks:
            return
        for call in calls_in(tree, bindings_of(tree)):
            task = call.literals.get("task")
            if call.resolved not in _PIPELINES or not isinstance(task, str):
                continue
            if task not in self._index.tasks and not task.startswith(_TRANSLATION):
                yield _Finding("fault", "api_absent", f"transformers has no pipeline for '{task}'", call.line)

    def _ids(self, tree: ast.Module) -> Iterator[_Finding]:
        for loaded, line in ids_loaded(tree) if self._known else ():
            if loaded not in self._known:
                unknown = sorted(loaded - self._known_strings) or sorted(loaded)
                yield _Finding("unknown_api", "api_id", f"the hub has no {' '.join(unknown)}", line)


def _guarded_lines(tree: ast.Module) -> set[int]:
    """Lines of the bodies of `try` statements that handle what goes wrong in them."""
    return {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Try) and node.handlers
        for part in node.body
        for line in range(part.lineno, (part.end_lineno or part.lineno) + 1)
    }
