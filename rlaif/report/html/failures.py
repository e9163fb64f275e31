"""What came of every row's completions: verdicts and their kinds, as stacked bars and as counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rlaif.metrics.summary import NOT_RUN
from rlaif.records import Evaluation
from rlaif.report.html.chart import Segment, stacked_bars

VERDICTS = {"pass": "#2e7d4f", "fault": "#b4412f", "unknown_api": "#7d4fa8", "inconclusive": "#77797f"}
"""Verdict -> colour, in the order in which they stand."""


@dataclass(frozen=True)
class Failures:
    """`counts`: (verdict, kind) -> by row; those that occur, by verdict and then the most frequent first."""

    rows: Sequence[str]
    totals: Sequence[int]
    counts: Mapping[tuple[str, str], Sequence[int]]
    svg: str | None
    """None where no row has a completion that was run."""
    not_run: Sequence[str]
    """Rows of which nothing was run."""


def count_failures(evaluations: Mapping[str, Sequence[Evaluation]]) -> Failures:
    """Verdicts and kinds of every row. Where nothing was run nothing is counted: that is no failure of the code."""
    run = {name: [one for one in found if one.failure != NOT_RUN] for name, found in evaluations.items()}
    run = {name: found for name, found in run.items() if found}
    by_row = [Counter((one.verdict, one.failure) for one in found) for found in run.values()]
    everything: Counter[tuple[str, str]] = sum(by_row, Counter())
    order = list(VERDICTS)
    kinds = sorted(
        everything,
        key=lambda key: (order.index(key[0]) if key[0] in order else len(order), -everything[key], key[1]),
    )
    counts = {kind: [row[kind] for row in by_row] for kind in kinds}
    bars = [
        (name, [_segment(kind, row[kind]) for kind in kinds if row[kind]])
        for name, row in zip(run, by_row, strict=True)
    ]
    svg = stacked_bars(bars, label="Verdicts by row; the counts are in the table below") if bars else None
    return Failures(
        list(run), [len(found) for found in run.values()], counts, svg,
        [name for name in evaluations if name not in run],
    )  # fmt: skip


def _segment(kind: tuple[str, str], count: int) -> Segment:
    verdict, failure = kind
    name = failure or verdict
    return Segment(name.replace("_", " "), count, f"v-{verdict}", VERDICTS.get(verdict, "#77797f"))
