"""The over-optimisation watch on one plot, with a note where the reward and what it stands for part.

The reward model's reward and a held-out figure part at the first look at which, since the figure's highest look
so far, the reward has risen and the figure has fallen, both by more than chance would have it. The figures are
executability, AST match (strict) and the entropy of the APIs called; the number of distinct APIs is drawn and not
judged, as it has no interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

from rlaif.records import WatchPoint, read_log

LEVEL = 0.05
"""The chance of a note where nothing changes, at most: shared by all looks and figures (Bonferroni)."""


@dataclass(frozen=True)
class Estimate:
    """A figure and its standard error."""

    value: float
    error: float


@dataclass(frozen=True)
class Parting:
    """One figure that fell while the reward model's reward rose."""

    figure: str
    since: int
    """Rollouts done at the look that both are compared with: the figure's highest before `step`."""
    step: int
    reward: tuple[float, float]
    """Then and now."""
    value: tuple[float, float]

    def __str__(self) -> str:
        return (
            f"{NAMES[self.figure]} fell from {self.value[0]:.3g} to {self.value[1]:.3g} between rollouts {self.since} "
            f"and {self.step}, while the reward model's reward rose from {self.reward[0]:.3g} to {self.reward[1]:.3g}"
        )


NAMES = {
    "executability": "executability",
    "ast_strict": "AST match (strict)",
    "api_entropy": "the entropy of the APIs called",
}


def read_watch(path: Path) -> list[WatchPoint]:
    """The points of a run, in order; none where it was not watched."""
    return read_log(path, WatchPoint)


def partings(points: Sequence[WatchPoint]) -> list[Parting]:
    """For each figure that parted from the reward, the first look at which it had; by rollout.

    One-sided z-tests of differences between independent looks, at `LEVEL` over the number of comparisons.
    """
    num_comparisons = len(FIGURES) * max(1, len(points) - 1)
    bound = NormalDist().inv_cdf(1 - LEVEL / num_comparisons)
    found = [parting for figure in FIGURES if (parting := first_parting(points, figure, bound)) is not None]
    return sorted(found, key=lambda parting: parting.step)


def first_parting(points: Sequence[WatchPoint], figure: str, bound: float) -> Parting | None:
    highest: tuple[WatchPoint, Estimate] | None = None
    for point in points:
        now = FIGURES[figure](point)
        if now is None:
            continue
        if highest is None or now.value > highest[1].value:
            highest = point, now
            continue
        before, then = highest
        reward_then, reward_now = reward_of(before), reward_of(point)
        if reward_then is None or reward_now is None:
            continue
        if rose(reward_then, reward_now, bound) and rose(now, then, bound):
            rewards = reward_then.value, reward_now.value
            return Parting(figure, before.step, point.step, rewards, (then.value, now.value))
    return None


def rose(before: Estimate, after: Estimate, bound: float) -> bool:
    """Whether the difference is more than `bound` of its standard errors."""
    return after.value - before.value > bound * math.hypot(before.error, after.error)


def reward_of(point: WatchPoint) -> Estimate | None:
    if point.reward_model is None or point.reward_model_error is None:
        return None
    return Estimate(point.reward_model, point.reward_model_error)


def share(value: float | None, num: int) -> Estimate | None:
    """A share with an error that is above 0 at 0 and 1 too: a success and a failure are added (Agresti and Caffo
    2000)."""
    if value is None:
        return None
    shrunk = (value * num + 1) / (num + 2)
    return Estimate(value, math.sqrt(shrunk * (1 - shrunk) / (num + 2)))


def entropy_of(point: WatchPoint) -> Estimate | None:
    if point.api_entropy is None or point.api_entropy_error is None:
        return None
    return Estimate(point.api_entropy, point.api_entropy_error)


FIGURES: dict[str, Callable[[WatchPoint], Estimate | None]] = {
    "executability": lambda point: share(point.executability, point.num),
    "ast_strict": lambda point: share(point.ast_strict, point.num),
    "api_entropy": entropy_of,
}


def note(points: Sequence[WatchPoint]) -> str:
    """What a reader should know, in a line or a few."""
    if len(points) < 2 or all(reward_of(point) is None for point in points):
        return "Nothing to compare: fewer than two looks, or no reward model."
    found = partings(points)
    if not found:
        return "No held-out figure fell beyond chance while the reward model's reward rose."
    return "\n".join(f"They part at rollout {parting.step}: {parting}." for parting in found)


def draw_watch(points: Sequence[WatchPoint], path: Path) -> None:
    """One plot of all over rollouts, shares on the left axis and the rest on its own scale; 95% intervals as bands.

    A dotted line stands where a figure parts from the reward; the note is the title.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5.2), layout="constrained")
    FigureCanvasAgg(figure)
    shares = figure.subplots()
    reward, entropy, distinct = (shares.twinx() for _ in range(3))
    for number, axes in enumerate((entropy, distinct), 1):
        axes.spines["right"].set_position(("axes", 1 + 0.13 * number))
    for axes, (name, colour, get) in zip((shares, shares, reward, entropy, distinct), curves(), strict=True):
        draw_curve(axes, points, name, colour, get)
    for axes in (entropy, distinct):  # from 0, so that one API more or less does not look like a fall
        axes.set_ylim(bottom=0)
    shares.set(xlabel="rollouts", ylabel="share of held-out completions", ylim=(-0.02, 1.02))
    for parting in partings(points):
        shares.axvline(parting.step, color="0.4", linestyle=":")
    lines = [line for axes in figure.axes for line in axes.get_lines() if not str(line.get_label()).startswith("_")]
    shares.legend(lines, [str(line.get_label()) for line in lines], loc="lower left", fontsize=8)
    shares.set_title(note(points), fontsize=9, wrap=True)
    partial = path.with_name(path.name + ".partial")
    figure.savefig(partial, format="png", dpi=110)
    partial.replace(path)


Curve = tuple[str, str, Callable[[WatchPoint], Estimate | None]]


def curves() -> Iterator[Curve]:
    yield "executability", "C2", FIGURES["executability"]
    yield "AST match (strict)", "C0", FIGURES["ast_strict"]
    yield "reward model's reward", "C3", reward_of
    yield "entropy of APIs, nats", "C4", entropy_of
    yield "distinct APIs", "C1", lambda point: Estimate(point.distinct_apis, 0.0)


def draw_curve(
    axes: Any, points: Sequence[WatchPoint], name: str, colour: str, get: Callable[[WatchPoint], Estimate | None]
) -> None:
    known = [(point.step, one) for point in points if (one := get(point)) is not None]
    steps, values = [step for step, _ in known], [one.value for _, one in known]
    half = [1.96 * one.error for _, one in known]
    axes.plot(steps, values, marker="o", markersize=4, color=colour, label=name)
    axes.fill_between(
        steps, [v - h for v, h in zip(values, half, strict=True)], [v + h for v, h in zip(values, half, strict=True)],
        color=colour, alpha=0.12, linewidth=0,
    )  # fmt: skip
    if name not in NAMES.values():
        axes.set_ylabel(name, color=colour)
        axes.tick_params(axis="y", colors=colour)
