"""The result table: one row a policy, one column a metric, as text, Markdown, LaTeX and CSV from the same data.

A difference between two rows never stands without its interval, and where it was tested the p-values stand below it.
A cell without a figure is a dash.
"""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rlaif.metrics.seeds import PairedTests
from rlaif.metrics.statistics import Interval
from rlaif.metrics.summary import DIVERSITY, Summary

MISSING = "-"
TERMINAL_WIDTH = 120

COLUMNS: dict[str, str] = {
    "ast_gorilla": "AST Gorilla",
    "ast_strict": "AST strict",
    "hallucinated_strict": "Halluc.",
    "exact_call": "Exact call",
    "rouge_l": "ROUGE-L",
    "codebleu": "CodeBLEU",
    "executability": "Executability",
    "distinct_apis": "Distinct APIs",
}
"""Metric -> heading, in the order in which they stand. AST match by Gorilla's rules and ours; hallucination by ours."""

EXTRA_COLUMNS: dict[str, str] = {
    "hallucinated_gorilla": "Halluc. Gorilla",
    "executability_conditional": "Exec. of judged",
    "api_entropy": "API entropy",
}
"""What the CSV has besides. Executability is the strict one, pass / n; "of judged" is pass / (pass + fault)."""

IntervalStyle = Literal["plus_minus", "range", "none"]
TESTS: dict[str, tuple[str, Callable[[PairedTests], float | None]]] = {
    "p": ("p, means", lambda tests: tests.mean),
    "p_distributions": ("p, Wasserstein", lambda tests: tests.distributions),
    "p_combined": ("p, combined", lambda tests: tests.combined),
}
"""Suffix in the CSV -> name of the row, and where the p-value is."""


@dataclass(frozen=True)
class Difference:
    """How much better one row is than another, by metric, with paired intervals and p-values."""

    name: str
    """Such as "RL - SFT"."""
    by_metric: Mapping[str, Interval]
    tests: Mapping[str, PairedTests] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """Rows in the order given; the references' row always stands last, with dashes where it was not measured."""

    rows: Mapping[str, Summary | None]
    references: Summary | None
    note: str
    differences: Sequence[Difference] = ()
    columns: Mapping[str, str] = field(default_factory=lambda: COLUMNS)

    @property
    def named_rows(self) -> list[tuple[str, Summary | None]]:
        return [*self.rows.items(), ("references", self.references)]

    def measured(self) -> dict[str, str]:
        """The columns in which any row has a figure."""
        summaries = [summary for _, summary in self.named_rows if summary]
        return {
            metric: heading
            for metric, heading in self.columns.items()
            if any(metric in summary.intervals for summary in summaries)
        }


def note_line(num_samples: int, num_examples: int, decoding: str, environment: str, num_seeds: int = 1) -> str:
    """What the figures were measured on: the line under a table."""
    seeds, drawn = (f" with {num_seeds} seeds", "seeds and examples") if num_seeds > 1 else ("", "examples")
    return (
        f"n = {num_samples} completions of {num_examples} examples{seeds}; decoding: {decoding}; "
        f"environment: {environment}; intervals: 95% bootstrap over {drawn} (of APIs: jackknife)."
    )


def render_text(table: Table, style: IntervalStyle = "range") -> str:
    """Aligned columns for a terminal, without those in which nothing was measured."""
    rows, differences = _grid(table, table.measured(), style)
    grid = [*rows, *(line for lines in differences for line in lines)]
    widths = [max(len(row[column]) for row in grid) for column in range(len(grid[0]))]
    header, *lines = ("  ".join(_padded(row, widths)).rstrip() for row in rows)
    lines = [header, "  ".join("-" * width for width in widths), *lines]
    for difference in differences:
        lines += ["", *("  ".join(_padded(row, widths)).rstrip() for row in difference)]
    return "\n".join([*lines, "", *textwrap.wrap(table.note, TERMINAL_WIDTH), ""])


def render_markdown(table: Table, style: IntervalStyle = "range") -> str:
    """A pipe table with the note under it."""
    rows, differences = _grid(table, table.columns, style)
    grid = [*rows, *(line for lines in differences for line in lines)]
    header, *body = ([cell.replace("|", "\\|") for cell in row] for row in grid)
    rule = ["---"] + ["---:"] * (len(header) - 1)
    lines = ["| " + " | ".join(row) + " |" for row in (header, rule, *body)]
    return "\n".join([*lines, "", table.note, ""])


def render_latex(table: Table, style: IntervalStyle = "range") -> str:
    """A tabular with booktabs' rules, the note as a comment above it."""
    rows, differences = _grid(table, table.columns, style)
    header, *body = (_latex_line(row) for row in rows)
    lines = [
        "% \\usepackage{booktabs}",
        f"% {table.note}",
        f"\\begin{{tabular}}{{l{'r' * len(table.columns)}}}",
        "\\toprule", header, "\\midrule", *body,
    ]  # fmt: skip
    for difference in differences:
        lines += ["\\midrule", *map(_latex_line, difference)]
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""])


def render_csv(table: Table) -> str:
    """Raw numbers, not percentages: mean, low, high and the p-values of each metric, empty where there is none."""
    columns = {**table.columns, **EXTRA_COLUMNS}
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    parts = ("", "_low", "_high", *(f"_{suffix}" for suffix in TESTS))
    writer.writerow(["row", "num", "num_examples", *(f"{metric}{part}" for metric in columns for part in parts)])
    for name, summary in table.named_rows:
        counts = [summary.num, summary.num_examples] if summary else ["", ""]
        writer.writerow([name, *counts, *_raw(summary.intervals if summary else {}, {}, columns)])
    for difference in table.differences:
        writer.writerow([difference.name, "", "", *_raw(difference.by_metric, difference.tests, columns)])
    return file.getvalue()


def format_interval(interval: Interval | None, style: IntervalStyle, signed: bool = False, scale: float = 100) -> str:
    """``84.9 ±5.1``, ``84.9 [80.1, 89.7]`` or ``84.9``; a dash where there is no figure."""
    if interval is None:
        return MISSING
    mean, low, high = (
        f"{scale * value:{'+' if signed else ''}.1f}" for value in (interval.mean, interval.low, interval.high)
    )
    if style == "plus_minus":
        return f"{mean} ±{scale * interval.half_width:.1f}"
    return f"{mean} [{low}, {high}]" if style == "range" else mean


def format_p_value(p_value: float | None) -> str:
    """``0.032``, ``<0.001``, or a dash."""
    if p_value is None:
        return MISSING
    return "<0.001" if p_value < 0.001 else f"{p_value:.3f}"


def _grid(
    table: Table, columns: Mapping[str, str], style: IntervalStyle
) -> tuple[list[list[str]], list[list[list[str]]]]:
    """All cells as text: the headings and rows, and each difference with its p-values."""
    rows = [["", *columns.values()]]
    for name, summary in table.named_rows:
        rows.append([name, *_cells(summary.intervals if summary else {}, columns, style)])
    differences = []
    for difference in table.differences:
        intervals_style: IntervalStyle = "range" if style == "none" else style
        lines = [[difference.name, *_cells(difference.by_metric, columns, intervals_style, signed=True)]]
        tests = [difference.tests.get(metric) for metric in columns]
        for name, p_value in TESTS.values():
            found = [p_value(one) if one else None for one in tests]
            if any(one is not None for one in found):
                lines.append([f"  {name}", *map(format_p_value, found)])
        differences.append(lines)
    return rows, differences


def _cells(
    intervals: Mapping[str, Interval], columns: Mapping[str, str], style: IntervalStyle, signed: bool = False
) -> list[str]:
    # Diversity as it is, a count and nats; all others are shares or scores, shown as 0 to 100.
    scales = {metric: 1.0 if metric in DIVERSITY else 100.0 for metric in columns}
    return [format_interval(intervals.get(metric), style, signed, scales[metric]) for metric in columns]


def _padded(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """The name to the left, figures to the right."""
    return [
        cell.rjust(width) if column else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


LATEX_ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
        "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"$<$", ">": r"$>$", "±": r"$\pm$",
    }
)  # fmt: skip


def _latex_line(row: Sequence[str]) -> str:
    """A lone dash, and a minus before a figure, as LaTeX sets them."""
    cells = [_latex_cell(cell) for cell in row]
    return " & ".join(cells) + r" \\"


def _latex_cell(cell: str) -> str:
    if cell == MISSING:
        return "--"
    indent = r"\quad " if cell.startswith("  ") else ""
    escaped = cell.strip().translate(LATEX_ESCAPES)
    return indent + (f"{{{escaped}}}" if escaped.startswith("[") else escaped)


def _raw(
    intervals: Mapping[str, Interval], tests: Mapping[str, PairedTests], columns: Mapping[str, str]
) -> list[float | str]:
    cells: list[float | str] = []
    for metric in columns:
        interval, found = intervals.get(metric), tests.get(metric)
        cells += [interval.mean, interval.low, interval.high] if interval else ["", "", ""]
        for _, p_value in TESTS.values():
            value = p_value(found) if found else None
            cells.append("" if value is None else value)
    return cells
