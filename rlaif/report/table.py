"""The result table: one row a policy, one column a metric, as text, Markdown and CSV from the same data."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rlaif.metrics.statistics import Interval
from rlaif.metrics.summary import Summary

MISSING = "-"

COLUMNS: dict[str, str] = {
    "ast_strict": "AST match",
    "hallucinated_strict": "Hallucination",
    "exact_call": "Exact call",
    "rouge_l": "ROUGE-L",
    "codebleu": "CodeBLEU",
    "executability": "Executability",
    "executability_conditional": "Exec. of judged",
}
"""Metric -> heading, in the order in which they stand; every metric is a share or score shown as 0 to 100.

Executability is the strict one, pass / n; "of judged" is the conditional one, pass / (pass + fault).
"""

IntervalStyle = Literal["plus_minus", "range", "none"]


@dataclass(frozen=True)
class Difference:
    """How much better one row is than another, by metric, with paired intervals."""

    name: str
    """Such as "RL - SFT"."""
    by_metric: Mapping[str, Interval]


@dataclass(frozen=True)
class Table:
    """Rows in the order given; the references' row always stands last, with dashes where it was not measured."""

    rows: Mapping[str, Summary]
    references: Summary | None
    note: str
    differences: Sequence[Difference] = ()
    columns: Mapping[str, str] = field(default_factory=lambda: COLUMNS)

    @property
    def named_rows(self) -> list[tuple[str, Summary | None]]:
        return [*self.rows.items(), ("references", self.references)]


def note_line(num_samples: int, num_examples: int, decoding: str, environment: str) -> str:
    """What the figures were measured on: the line under a table."""
    return (
        f"n = {num_samples} completions of {num_examples} examples; decoding: {decoding}; environment: {environment}; "
        "intervals: 95% bootstrap over examples."
    )


def render_text(table: Table, style: IntervalStyle = "range") -> str:
    """Aligned columns for a terminal."""
    grid = _grid(table, style)
    widths = [max(len(row[column]) for row in grid) for column in range(len(grid[0]))]
    lines = ["  ".join(_padded(row, widths)).rstrip() for row in grid]
    lines.insert(1, "  ".join("-" * width for width in widths))
    if table.differences:
        lines.insert(2 + len(table.named_rows), "")
    return "\n".join([*lines, "", table.note, ""])


def render_markdown(table: Table, style: IntervalStyle = "range") -> str:
    """A pipe table with the note under it."""
    header, *rows = ([cell.replace("|", "\\|") for cell in row] for row in _grid(table, style))
    rule = ["---"] + ["---:"] * (len(header) - 1)
    lines = ["| " + " | ".join(row) + " |" for row in (header, rule, *rows)]
    return "\n".join([*lines, "", table.note, ""])


def render_csv(table: Table) -> str:
    """Raw numbers, not percentages: three columns a metric (mean, low, high), empty where there is none."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    bounds = [f"{metric}{part}" for metric in table.columns for part in ("", "_low", "_high")]
    writer.writerow(["row", "num", "num_examples", *bounds])
    for name, summary in table.named_rows:
        intervals = summary.intervals if summary else {}
        counts = [summary.num, summary.num_examples] if summary else ["", ""]
        writer.writerow([name, *counts, *_raw(intervals, table.columns)])
    for difference in table.differences:
        writer.writerow([difference.name, "", "", *_raw(difference.by_metric, table.columns)])
    return file.getvalue()


def format_interval(interval: Interval | None, style: IntervalStyle, signed: bool = False) -> str:
    """``84.9 ±5.1``, ``84.9 [80.1, 89.7]`` or ``84.9``; a dash where there is no figure."""
    if interval is None:
        return MISSING
    mean, low, high = (
        f"{100 * value:{'+' if signed else ''}.1f}" for value in (interval.mean, interval.low, interval.high)
    )
    if style == "plus_minus":
        return f"{mean} ±{100 * interval.half_width:.1f}"
    return f"{mean} [{low}, {high}]" if style == "range" else mean


def _grid(table: Table, style: IntervalStyle) -> list[list[str]]:
    """All cells as text, the headings first."""
    grid = [["", *table.columns.values()]]
    for name, summary in table.named_rows:
        intervals = summary.intervals if summary else {}
        grid.append([name, *(format_interval(intervals.get(metric), style) for metric in table.columns)])
    for difference in table.differences:
        cells = (format_interval(difference.by_metric.get(metric), style, signed=True) for metric in table.columns)
        grid.append([difference.name, *cells])
    return grid


def _padded(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """The name to the left, figures to the right."""
    return [
        cell.rjust(width) if column else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def _raw(intervals: Mapping[str, Interval], metrics: Mapping[str, str]) -> list[float | str]:
    cells: list[float | str] = []
    for metric in metrics:
        interval = intervals.get(metric)
        cells += [interval.mean, interval.low, interval.high] if interval else ["", "", ""]
    return cells
