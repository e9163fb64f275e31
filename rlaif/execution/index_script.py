"""Run by an environment's own interpreter: what its packages have, as JSON.

    python -I index_script.py list FILE            every importable top-level name
    python -I index_script.py look FILE PACKAGE    one package: its modules, and what is in them

It knows only the standard library. Answers go to a file, since packages print when they are imported.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import pkgutil
import sys
import types
from pathlib import Path
from typing import Any

_NOT_IMPORTED = frozenset([
    "__main__", "_distutils", "benchmarks", "cli", "commands", "conftest", "examples", "scripts", "setup", "test",
    "testing", "tests",
])  # fmt: skip
_MAX_DEPTH = 6


def main() -> None:
    task, path, *packages = sys.argv[1:]
    found = sorted({module.name for module in pkgutil.iter_modules()}) if task == "list" else look(packages[0])
    Path(path).write_text(json.dumps(found), encoding="utf-8")


def look(package: str) -> dict[str, Any]:
    """Import a package and its public modules of the first level, and describe all that is loaded of it by then."""
    root = importlib.import_module(package)
    listed = sorted(_list_modules(root))
    for name in listed:
        parts = name.split(".")
        if len(parts) == 2 and not parts[1].startswith("_") and parts[1] not in _NOT_IMPORTED:
            try:
                importlib.import_module(name)
            except BaseException:  # an optional dependency; what it has stays unknown
                continue
    loaded = {name for name in sys.modules if name == package or name.startswith(f"{package}.")}
    return {
        "modules": {name: names for name in sorted(loaded) if (names := _names_of(name)) is not None},
        "listed": sorted(loaded | set(listed)),
        "tasks": _pipeline_tasks() if package == "transformers" else [],
    }


def _list_modules(root: types.ModuleType) -> set[str]:
    """Every module below, by its file alone."""
    found = {root.__name__}
    queue = [(root.__name__, [str(path) for path in getattr(root, "__path__", [])])]
    while queue:
        name, paths = queue.pop()
        for module in pkgutil.iter_modules(paths):
            dotted = f"{name}.{module.name}"
            found.add(dotted)
            if module.ispkg and dotted.count(".") < _MAX_DEPTH:
                queue.append((dotted, [str(Path(path) / module.name) for path in paths]))
    return found


def _names_of(name: str) -> dict[str, str | None] | None:
    """Each name that a module has, with the module's name where it is one; None where more may come when asked."""
    module = sys.modules[name]
    own = vars(module)
    names: dict[str, str | None] = dict.fromkeys([*dir(module), *own])
    for key, value in own.items():
        if isinstance(value, types.ModuleType):
            names[key] = value.__name__
    more = own.get("__getattr__")
    if more is None:
        return names
    # A module's own __getattr__ mostly knows a table of names: all strings of its source are more than these.
    try:
        tree = ast.parse(inspect.getsource(module))
        forwards = "getattr" in more.__code__.co_names
    except (OSError, TypeError, SyntaxError, AttributeError):
        return None
    if forwards:
        return None
    strings = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return dict.fromkeys((string for string in strings if string.isidentifier()), None) | names


def _pipeline_tasks() -> list[str]:
    pipelines = importlib.import_module("transformers.pipelines")
    return sorted([*pipelines.SUPPORTED_TASKS, *pipelines.TASK_ALIASES])


if __name__ == "__main__":
    main()
