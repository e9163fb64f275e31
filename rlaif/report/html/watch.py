"""During PPO: the reward model's reward beside held-out figures, on one plot; diversity on a second."""

from __future__ import annotations

from collections.abc import Sequence

from rlaif.records import WatchPoint
from rlaif.report.html.chart import Series, line_chart
from rlaif.report.html.curves import Figure

HELD_OUT = {"executability": "executability", "ast_strict": "AST match"}


def watch_figures(looks: Sequence[WatchPoint]) -> list[Figure]:
    """At most two plots; figures that were not computed are left out of them."""
    shares = [Series(name, points) for key, name in HELD_OUT.items() if (points := _points(looks, key))]
    reward = _points(looks, "reward_model")
    both = [*shares, *([Series("reward model (right axis)", reward, secondary=bool(shares))] if reward else [])]
    apis, entropy = _points(looks, "distinct_apis"), _points(looks, "api_entropy")
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


def _points(looks: Sequence[WatchPoint], figure: str) -> list[tuple[float, float]]:
    return [(look.step, value) for look in looks if (value := getattr(look, figure)) is not None]
