"""Learning curves: which figures of a stage's metrics.jsonl stand in which chart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rlaif.report.html.chart import Series, line_chart

MAX_POINTS = 400
"""Of a line; longer ones are shown as means over equal stretches."""

CHARTS: dict[str, list[tuple[str, tuple[str, ...]]]] = {
    "sft": [("Loss", ("loss", "validation_loss"))],
    "reward": [("Loss", ("loss", "validation_loss")), ("Accuracy on held-out pairs", ("pair_accuracy",))],
    "ppo": [
        ("Score, and reward after the KL penalty", ("ppo/score_mean", "ppo/reward_mean")),
        ("Terms of the score", ("ppo/score/model", "ppo/score/executability", "ppo/score/judge")),
        ("KL to the SFT policy (nats a completion)", ("ppo/kl",)),
        ("Entropy (nats a token)", ("ppo/entropy",)),
        ("Length (tokens a completion)", ("ppo/completion_length",)),
        ("Completions that end by themselves (share)", ("ppo/eos_rate",)),
        ("Clipped (share of tokens)", ("ppo/clip_fraction", "ppo/value_clip_fraction")),
        ("Explained variance of the value head", ("ppo/explained_variance",)),
        ("Losses", ("ppo/policy_loss", "ppo/value_loss")),
    ],
}
"""Charts that come first; every other figure has a chart of its own behind them."""

SHARES = {"pair_accuracy", "ppo/eos_rate"}
"""Figures that are looked at on the whole of 0 to 1."""

X_LABELS = {"ppo": "rollout"}


@dataclass(frozen=True)
class Figure:
    """A chart with its title, and a legend where it has several series."""

    title: str
    svg: str
    legend: Sequence[str] = ()
    caption: str = ""


@dataclass(frozen=True)
class StageCurves:
    """A stage's charts: those that one looks at, and the rest."""

    stage: str
    figures: Sequence[Figure]
    more: Sequence[Figure]


def stage_curves(stage: str, history: Sequence[Mapping[str, Any]]) -> StageCurves | None:
    """The charts of a stage; None where it logged nothing."""
    columns = _columns(history)
    if not columns:
        return None
    first, taken = [], set()
    for title, names in CHARTS.get(stage, []):
        known = [name for name in names if name in columns]
        taken.update(known)
        if known:
            chosen = {_short(stage, name): columns[name] for name in known}
            first.append(_figure(stage, title, chosen, is_share=set(known) <= SHARES))
    others = [name for name in columns if name not in taken]
    more = [_figure(stage, _short(stage, name), {_short(stage, name): columns[name]}) for name in others]
    return StageCurves(stage, first or more, more if first else [])


def _columns(history: Sequence[Mapping[str, Any]]) -> dict[str, list[tuple[float, float]]]:
    """By figure, its (step, value); values that are missing or not finite are left out."""
    columns: dict[str, list[tuple[float, float]]] = {}
    for row in history:
        for name, value in row.items():
            if name != "step" and isinstance(value, int | float) and math.isfinite(value):
                columns.setdefault(name, []).append((float(row["step"]), float(value)))
    return columns


def _figure(
    stage: str, title: str, columns: Mapping[str, Sequence[tuple[float, float]]], is_share: bool = False
) -> Figure:
    series = [Series(name.replace("_", " "), thinned(points)) for name, points in columns.items()]
    steps_a_point = max(math.ceil(len(points) / MAX_POINTS) for points in columns.values())
    ends = [f"{one.name} {one.points[0][1]:.4g} → {one.points[-1][1]:.4g}" for one in series]
    label = f"{stage}: {title}. {'; '.join(ends)}"
    x_label, y_range = X_LABELS.get(stage, "step"), (0.0, 1.0) if is_share else None
    svg = line_chart(series, x_label=x_label, label=label, y_range=y_range)
    caption = f"A point is the mean of {steps_a_point} logged steps." if steps_a_point > 1 else ""
    return Figure(title, svg, [one.name for one in series] if len(series) > 1 else [], caption)


def thinned(points: Sequence[tuple[float, float]], most: int = MAX_POINTS) -> list[tuple[float, float]]:
    """At most `most` points: means of x and y over stretches of equal length."""
    length = math.ceil(len(points) / most)
    stretches = (points[start : start + length] for start in range(0, len(points), length))
    return [(sum(x for x, _ in part) / len(part), sum(y for _, y in part) / len(part)) for part in stretches]


def _short(stage: str, name: str) -> str:
    """``ppo/score/model`` of the stage ppo is ``score/model``."""
    return name.removeprefix(f"{stage}/")
