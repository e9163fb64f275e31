"""The ids of a hub's entries: those that a database has, and those that a snippet names or loads."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from rlaif.records import ApiRow
from rlaif.source.calls import Bindings, Call, bindings_of, calls_in, calls_in_text
from rlaif.source.parse import parse

ApiId = frozenset[str]
"""The strings that name one entry of a hub: a model's name, a handle, or a repository and its entry point."""

_PARAMETERS = ("pretrained_model_name_or_path", "repo_or_dir", "handle", "model")
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
_UNQUOTED = re.compile(r"[(=]([\w-]+/[\w.-]+)")  # some rows leave the quotes out
_REVISION = re.compile(r"([\w.-]+/[\w.-]+):[\w./-]+")
_LOCAL = (".", "/", "~")


def ids_of(database: Iterable[ApiRow]) -> frozenset[ApiId]:
    """The ids that the rows' calls load; a row that names nothing but a task has none."""
    return frozenset(found for row in database if (found := _id_of(row)))


def ids_of_examples(database: Iterable[ApiRow]) -> frozenset[ApiId]:
    """The ids that the rows' example code loads besides: tokenizers, smaller variants."""
    trees = (parse(row.examples)[0] for row in database)
    return frozenset(loaded for tree in trees if tree is not None for loaded, _ in ids_loaded(tree))


def ids_named(code: str | None, known: frozenset[ApiId]) -> frozenset[ApiId]:
    """The known ids whose strings are all among the code's string literals. Empty where it does not parse."""
    tree = parse(code or "")[0]
    nodes = ast.walk(tree) if tree is not None else ()
    literals = {without_revision(n.value) for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return frozenset(one for one in known if one <= literals)


def ids_loaded(tree: ast.Module) -> Iterator[tuple[ApiId, int]]:
    """What the hubs' loaders are called with, as far as it is written out, and the line. Local paths are left out."""
    for call in calls_in(tree, bindings_of(tree)):
        found = _given(call)
        if found and not any(string.startswith(_LOCAL) for string in found):
            yield found, call.line


def without_revision(string: str) -> str:
    """ "pytorch/vision:v0.10.0" without its revision; any other string as it is."""
    found = _REVISION.fullmatch(string)
    return found[1] if found else string


def _id_of(row: ApiRow) -> ApiId:
    for call in calls_in_text(row.api_call, Bindings())[:1]:
        found = _given(call)
        if not found:
            # A loader of another library, or a call that does not parse: what looks like a name of a hub.
            found = frozenset(without_revision(text) for text in call.strings if "/" in text and " " not in text)
        if found:
            return found
    return frozenset([row.name]) if _REPOSITORY.fullmatch(row.name) else frozenset(_UNQUOTED.findall(row.api_call))


def _given(call: Call) -> ApiId:
    """The values of a loader's parameters that say what is loaded. Empty for any other call."""
    if call.literals.get("source") == "local":
        return frozenset()
    values = [call.literals.get(name) for name in _PARAMETERS]
    if "repo_or_dir" in call.literals and "model" not in call.literals:
        return frozenset()  # the entry point is a variable, or goes by another name
    return frozenset(without_revision(value) for value in values if isinstance(value, str))
