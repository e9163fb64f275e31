"""Which failures can be held against the code, given how the data set's own references fared.

A tiny model that stands for a real one may be of a wrong kind or lack a method. Where an
id's own reference fails in this environment, a library's error about that id says nothing
about a snippet: the verdict becomes inconclusive (mirror_gap). Where the reference passed,
the same error is the code's. Errors of the snippet's own making stay faults in any case.
"""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterable, Sequence

from rlaif.execution.verdict import Verdict
from rlaif.records import ApiRow
from rlaif.source.calls import Bindings, calls_in_text
from rlaif.source.parse import parse

ApiId = frozenset[str]
"""The strings that name one entry of a hub: a model's name, a handle, or a repository and its entry point."""

ALWAYS_THE_CODES = frozenset((
    "no_code", "syntax", "name", "import", "api_absent", "timeout", "exit", "crash", "forged",
))  # fmt: skip
"""Kinds of fault that no gap of a hub explains."""

_HUB_PARAMETERS = ("pretrained_model_name_or_path", "repo_or_dir", "handle", "model")
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
_UNQUOTED = re.compile(r"[(=]([\w-]+/[\w.-]+)")  # some rows leave the quotes out
_REVISION = re.compile(r"([\w.-]+/[\w.-]+):[\w./-]+")


def ids_of(database: Iterable[ApiRow]) -> frozenset[ApiId]:
    """The ids that the rows' calls load; a row that names nothing but a task has none."""
    return frozenset(found for row in database if (found := _id_of(row)))


def _id_of(row: ApiRow) -> ApiId:
    for call in calls_in_text(row.api_call, Bindings())[:1]:
        given = {name: call.literals[name] for name in _HUB_PARAMETERS if isinstance(call.literals.get(name), str)}
        if given:
            return frozenset(_without_revision(str(value)) for value in given.values())
        # A loader of another library, or a call that does not parse: what looks like a name of a hub.
        found = frozenset(_without_revision(string) for string in call.strings if "/" in string and " " not in string)
        if found:
            return found
    return frozenset([row.name]) if _REPOSITORY.fullmatch(row.name) else frozenset(_UNQUOTED.findall(row.api_call))


def ids_named(code: str | None, known: frozenset[ApiId]) -> frozenset[ApiId]:
    """The known ids whose strings are all among the code's string literals. Empty where it does not parse."""
    tree = parse(code or "")[0]
    nodes = ast.walk(tree) if tree is not None else ()
    literals = {_without_revision(node.value) for node in nodes if _is_text(node)}  # type: ignore[attr-defined]
    return frozenset(one for one in known if one <= literals)


def passed_ids(
    references: Sequence[str | None], verdicts: Sequence[Verdict], known: frozenset[ApiId]
) -> frozenset[ApiId]:
    """The ids that some reference names and passes with."""
    passing = (code for code, verdict in zip(references, verdicts, strict=True) if verdict.status == "pass")
    return frozenset().union(*(ids_named(code, known) for code in passing))


def settle(
    verdicts: Sequence[Verdict], codes: Sequence[str | None], passed: frozenset[ApiId], known: frozenset[ApiId]
) -> list[Verdict]:
    """The verdicts with what cannot be held against the code made inconclusive, in the same order.

    Args:
        passed: ids whose own reference passed in this environment (`passed_ids`).
        known: all ids of the database (`ids_of`). A snippet that names none of them keeps its verdict.
    """
    return [_settle(verdict, code, passed, known) for verdict, code in zip(verdicts, codes, strict=True)]


def _settle(verdict: Verdict, code: str | None, passed: frozenset[ApiId], known: frozenset[ApiId]) -> Verdict:
    if verdict.status != "fault" or verdict.raised_in != "library" or verdict.kind in ALWAYS_THE_CODES:
        return verdict
    named = ids_named(code, known)
    if not named or named & passed:
        return verdict
    return dataclasses.replace(verdict, status="inconclusive", kind="mirror_gap")


def _without_revision(string: str) -> str:
    """ "pytorch/vision:v0.10.0" without its revision; any other string as it is."""
    found = _REVISION.fullmatch(string)
    return found[1] if found else string


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
