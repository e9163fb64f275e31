"""The result table, read back from its CSV: raw figures with their intervals, ready to be shown.

A metric is whatever has the three columns `m`, `m_low` and `m_high`; a column `m_p`, where there is one, is the
p-value of a difference. Other columns are passed over.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rlaif.report.table import COLUMNS, MISSING

HEADINGS = {"hallucinated_gorilla": "Hallucination (Gorilla's rules)", "api_entropy": "Entropy of APIs (nats)"}
"""Of metrics that the table's own COLUMNS do not name."""

COUNTS, NATS = {"distinct_apis"}, {"api_entropy"}
"""Metrics that are no shares; all others are shown as 0 to 100."""


@dataclass(frozen=True)
class Cell:
    """A figure, its interval and its p-value, as text; empty where there is none."""

    mean: str
    interval: str = ""
    p: str = ""
    sign: str = ""
    """better, worse or empty: of a difference whose interval leaves out zero."""


@dataclass(frozen=True)
class ResultRow:
    name: str
    num: int | None
    cells: Sequence[Cell]
    is_difference: bool


@dataclass(frozen=True)
class ResultTable:
    """`metrics`: name -> heading, of every metric that some row has."""

    metrics: Mapping[str, str]
    rows: Sequence[ResultRow]
    raw: Sequence[Mapping[str, str]]
    """The CSV's rows as they are."""

    def as_columns(self) -> tuple[list[str], list[list[str | float | None]]]:
        """(columns, rows) of raw numbers, as a tracker's table takes them."""
        columns = list(self.raw[0]) if self.raw else []
        return columns, [[_number_or_text(row.get(column)) for column in columns] for row in self.raw]


def read_results(path: Path) -> ResultTable:
    """The table of a run. Rows without a count of completions are differences of two others."""
    with path.open(encoding="utf-8", newline="") as file:
        raw = list(csv.DictReader(file))
    columns = list(raw[0]) if raw else []
    metrics = [name for name in columns if {f"{name}_low", f"{name}_high"} <= set(columns)]
    measured = [name for name in metrics if any(row[name] for row in raw)]
    headings = {name: COLUMNS.get(name) or HEADINGS.get(name) or name.replace("_", " ") for name in measured}
    rows = [_row(row, measured) for row in raw]
    return ResultTable(headings, rows, raw)


def _row(raw: Mapping[str, str], metrics: Sequence[str]) -> ResultRow:
    num = raw.get("num") or ""
    is_difference = not num and " - " in raw["row"]
    cells = [_cell(raw, metric, is_difference) for metric in metrics]
    return ResultRow(raw["row"], int(float(num)) if num else None, cells, is_difference)


def _cell(raw: Mapping[str, str], metric: str, is_difference: bool) -> Cell:
    if not raw[metric]:
        return Cell(MISSING)
    mean = shown(float(raw[metric]), metric, signed=is_difference)
    if not (raw[f"{metric}_low"] and raw[f"{metric}_high"]):
        return Cell(MISSING if is_difference else mean)  # a difference is not shown without its interval
    low, high = float(raw[f"{metric}_low"]), float(raw[f"{metric}_high"])
    bounds = ", ".join(shown(bound, metric, signed=is_difference) for bound in (low, high))
    p = raw.get(f"{metric}_p") or ""
    sign = ""
    if is_difference and (low > 0 or high < 0):
        sign = "better" if (low > 0) is not metric.startswith("hallucinated") else "worse"
    return Cell(mean, f"[{bounds}]", p_value(float(p)) if p else "", sign)


def shown(value: float, metric: str, signed: bool = False) -> str:
    """A share as 0 to 100, a count whole, nats with two places."""
    sign = "+" if signed else ""
    if metric in NATS:
        return f"{value:{sign}.2f}"
    if metric in COUNTS:
        return f"{value:{sign}.0f}"
    return f"{100 * value:{sign}.1f}"


def p_value(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _number_or_text(cell: str | None) -> str | float | None:
    if not cell:
        return None
    try:
        return float(cell)
    except ValueError:
        return cell
