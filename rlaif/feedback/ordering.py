"""Which of two samples is better: the judge's word beside the truth, and beside itself in the other order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from rlaif.feedback.calibration import Bootstrap, Estimate
from rlaif.records import Preference, Sample


@dataclass(frozen=True)
class Comparison:
    """Two samples of one example of which only one is right. `p_first`: None where the judge has no answer."""

    example_id: str
    p_first: float | None
    first_is_right: bool


def by_scores(
    samples: Sequence[Sample], scores: Mapping[str, float | None], truths: Mapping[str, bool | None]
) -> list[Comparison]:
    """Every two samples of an example whose truths differ; the higher score is preferred, a tie is a half."""
    groups: dict[str, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.example_id, []).append(sample)
    found = []
    for id, group in groups.items():
        for one, other in combinations(group, 2):
            if _differ(truths.get(one.id), truths.get(other.id)):
                a, b = scores.get(one.id), scores.get(other.id)
                p_first = None if a is None or b is None else 0.5 + 0.5 * float(np.sign(a - b))
                found.append(Comparison(id, p_first, bool(truths[one.id])))
    return found


def by_preferences(preferences: Sequence[Preference], truths: Mapping[str, bool | None]) -> list[Comparison]:
    """The preferences between two samples whose truths differ."""
    return [
        Comparison(one.example_id, one.p_first, bool(truths[one.first_id]))
        for one in preferences
        if _differ(truths.get(one.first_id), truths.get(one.second_id))
    ]


def _differ(one: bool | None, other: bool | None) -> bool:
    return one is not None and other is not None and one != other


def ordering(comparisons: Sequence[Comparison], *, seed: int = 0, resamples: int = 1000) -> Estimate:
    """The share of comparisons in which the judge prefers the right one; half a share where it prefers neither."""
    read = [one for one in comparisons if one.p_first is not None]
    right = np.array([0.5 + 0.5 * np.sign((one.p_first or 0.0) - 0.5) * (1 if one.first_is_right else -1)
                      for one in read])  # fmt: skip
    draw = Bootstrap([one.example_id for one in read], seed=seed, resamples=resamples)
    return draw.estimate(lambda weights: weights @ right / weights.sum(axis=1))


def order_estimates(preferences: Sequence[Preference], *, seed: int = 0, resamples: int = 1000) -> dict[str, Estimate]:
    """`order_bias.order_figures` with intervals: `gap` towards what is shown first, and the share of `flips`."""
    read = [
        (one.example_id, one.p_first, one.order_gap)
        for one in preferences
        if one.p_first is not None and one.order_gap is not None
    ]
    gaps = np.array([gap for _, _, gap in read])
    flips = np.array([(p + gap / 2 - 0.5) * (p - gap / 2 - 0.5) < 0 for _, p, gap in read], dtype=float)
    draw = Bootstrap([id for id, _, _ in read], seed=seed, resamples=resamples)
    return {
        "gap": draw.estimate(lambda weights: weights @ gaps / weights.sum(axis=1)),
        "flips": draw.estimate(lambda weights: weights @ flips / weights.sum(axis=1)),
    }
