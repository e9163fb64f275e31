"""During PPO: the reward model's reward beside held-out figures, on one plot; diversity on a second."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rlaif.report.html.chart import Series, line_chart
from rlaif.report.html.curves import Figure

HELD_OUT = {"executability": "executability", "ast_strict": "AST match"}


def read_watch(path: Path) -> list[dict[str, Any]]:
    """The rows of watch.jsonl, none where the run has no such file; a last line that a kill has torn is left out."""
    if not path.exists():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(row, dict) and isinstance(row.get("step"), int | float):
            rows.append(row)
    return rows


def watch_figures(rows: Sequence[Mapping[str, Any]]) -> list[Figure]:
    """At most two plots; figures that the rows do not have are left out of them."""
    shares = [Series(name, points) for key, name in HELD_OUT.items() if (points := _points(rows, key))]
    reward = _points(rows, "reward_model")
    both = [*shares, *([Series("reward model (right axis)", reward, secondary=bool(shares))] if reward else [])]
    apis, entropy = _points(rows, "distinct_apis"), _points(rows, "api_entropy")
    counts = [Series("distinct APIs", apis)] if apis else []
    diversity = [*counts, *([Series("entropy (right axis)", entropy, secondary=bool(counts))] if entropy else [])]
    figures = []
    if both:
        figures.append(_figure("The reward model's reward beside what it stands for", both, "share", "reward"))
    if diversity:
        figures.append(_figure("APIs that are called", diversity, "distinct APIs", "nats"))
    return figures


def _figure(title: str, series: Sequence[Series], y_label: str, right_label: str) -> Figure:
    svg = line_chart(series, x_label="rollout", label=title, y_label=y_label, right_label=right_label)
    return Figure(title, svg, [one.name for one in series])


def _points(rows: Sequence[Mapping[str, Any]], key: str) -> list[tuple[float, float]]:
    return [
        (float(row["step"]), float(row[key]))
        for row in rows
        if isinstance(row.get(key), int | float) and math.isfinite(row[key])
    ]
