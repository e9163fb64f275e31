"""What Python's standard library has: modules, their names, and the signatures of their functions.

Standard-library modules are imported to look at them. Nothing in them is called, and no
module is imported that does something when it is.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from functools import lru_cache

ACTS_ON_IMPORT = frozenset({"antigravity", "this", "idlelib", "turtledemo", "test", "lib2to3"})


def is_stdlib(module: str) -> bool:
    """Whether a module's top level is part of the standard library."""
    return module.partition(".")[0] in sys.stdlib_module_names


def can_look_into(module: str) -> bool:
    """Whether a module is of the standard library and importing it only defines things."""
    root, *inner = module.split(".")
    private = any(part.startswith("_") or part in ("test", "tests") for part in inner)
    return is_stdlib(root) and root not in ACTS_ON_IMPORT and not private


@lru_cache(maxsize=4096)
def find_module(name: str) -> object | None:
    """A standard-library module that can be looked into; None where there is none of that name."""
    if not can_look_into(name):
        return None
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def missing_part(dotted: str) -> str | None:
    """What keeps a dotted standard-library name from existing, or None where it exists.

    "statistics.average" gives "module 'statistics' has no 'average'".
    """
    try:
        _find(dotted)
    except LookupError as error:
        return str(error.args[0])
    return None


def signature_of(dotted: str) -> inspect.Signature | None:
    """The signature of a standard-library callable; None for the C functions that do not tell theirs."""
    try:
        return inspect.signature(_find(dotted))  # type: ignore[arg-type]
    except (LookupError, ValueError, TypeError):
        return None


@lru_cache(maxsize=4096)
def _find(dotted: str) -> object:
    """The object of a dotted name: the longest module, then attributes. LookupError says what is missing."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        module = find_module(".".join(parts[:length]))
        if module is not None:
            break
    else:
        raise LookupError(f"no module '{parts[0]}'")
    found, name = module, ".".join(parts[:length])
    for part in parts[length:]:
        try:
            found = getattr(found, part)
        except AttributeError:
            kind = "module " if inspect.ismodule(found) else ""
            raise LookupError(f"{kind}'{name}' has no '{part}'") from None
        name = f"{name}.{part}"
    return found
