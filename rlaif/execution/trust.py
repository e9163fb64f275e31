"""Which failures can be held against the code, given how the data set's own references fared.

A tiny model that stands for a real one may be of a wrong kind or lack a method. Where an
id's own reference fails in this environment, a library's error about that id says nothing
about a snippet: the verdict becomes inconclusive (mirror_gap). Where the reference passed,
the same error is the code's. Errors of the snippet's own making stay faults in any case.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from rlaif.execution.api_ids import ApiId, ids_named
from rlaif.execution.verdict import Verdict

ALWAYS_THE_CODES = frozenset((
    "no_code", "syntax", "name", "import", "api_absent", "timeout", "exit", "crash", "forged",
))  # fmt: skip
"""Kinds of fault that no gap of a hub explains."""


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


def may_be_the_hubs(verdict: Verdict) -> bool:
    """Whether it is a fault that a gap of the hub could explain: a library's error, of a kind that may have one."""
    return verdict.status == "fault" and verdict.raised_in == "library" and verdict.kind not in ALWAYS_THE_CODES


def _settle(verdict: Verdict, code: str | None, passed: frozenset[ApiId], known: frozenset[ApiId]) -> Verdict:
    if not may_be_the_hubs(verdict):
        return verdict
    named = ids_named(code, known)
    if not named or named & passed:
        return verdict
    return dataclasses.replace(verdict, status="inconclusive", kind="mirror_gap")
