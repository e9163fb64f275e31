"""How many different APIs a policy calls, and how evenly: what a retreat to a few safe calls lowers."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlaif.metrics.statistics import Interval
from rlaif.records import Evaluation


@dataclass(frozen=True)
class Diversity:
    """Over completions that call something; one that calls nothing has no API to count."""

    num: int
    """Completions that call an API."""
    distinct_apis: int
    api_entropy: float | None
    """In nats; None where nothing is called."""


def distinct_apis(evaluations: Sequence[Evaluation]) -> int:
    """How many different APIs the completions call. It grows with their number: see `compare`."""
    return len(_counts(evaluations))


def api_entropy(evaluations: Sequence[Evaluation]) -> float | None:
    """The entropy of the called APIs in nats: -sum p log p, with p an API's share of the calling completions.

    The plug-in (maximum-likelihood) estimate, too low by about (K - 1) / 2n for K APIs in n completions
    (Miller, 1955), so it too is to be compared at the same n only. None where nothing is called.
    """
    counts = _counts(evaluations)
    total = sum(counts.values())
    if not total:
        return None
    return math.fsum(count / total * math.log(total / count) for count in counts.values())


def diversity(evaluations: Sequence[Evaluation]) -> Diversity:
    return Diversity(sum(_counts(evaluations).values()), distinct_apis(evaluations), api_entropy(evaluations))


def entropy_interval(
    evaluations: Sequence[Evaluation], *, seed: int, resamples: int = 2000, level: float = 0.95
) -> Interval | None:
    """`api_entropy` with a bootstrap interval over examples; None where nothing is called.

    A resample lacks some of the APIs, so its entropy is lower: the percentiles are moved by what the resamples'
    mean is away from the figure. The interval says how far the figure at this number of completions would
    move with other examples; the bias of the estimate itself is not in it.

    A distinct count has no interval here: each resample's is at most the whole set's, so a percentile
    interval would lie below the count that it is about.
    """
    entropy = api_entropy(evaluations)
    if entropy is None:
        return None
    (drawn,) = _resampled_entropies([_by_example(evaluations)], seed, resamples)
    return _centred(entropy, drawn, level)


def entropy_difference(
    a: Sequence[Evaluation], b: Sequence[Evaluation], *, seed: int, resamples: int = 2000, level: float = 0.95
) -> Interval | None:
    """`api_entropy` of a less that of b over `same_completions`, both sides drawing the same examples.

    None where one of them calls nothing there.
    """
    sides = same_completions(a, b, seed=seed)
    first, second = (api_entropy(side) for side in sides)
    if first is None or second is None:
        return None
    drawn = _resampled_entropies([_by_example(side) for side in sides], seed, resamples)
    return _centred(first - second, drawn[0] - drawn[1], level)


def compare(a: Sequence[Evaluation], b: Sequence[Evaluation], *, seed: int = 0) -> tuple[Diversity, Diversity]:
    """Both rows' diversity over `same_completions`: more completions alone would show more APIs."""
    first, second = same_completions(a, b, seed=seed)
    return diversity(first), diversity(second)


def same_completions(
    a: Sequence[Evaluation], b: Sequence[Evaluation], *, seed: int = 0
) -> tuple[list[Evaluation], list[Evaluation]]:
    """As many completions of the same examples from both.

    Of an example that one side answered more often than the other, as many completions as the other has are
    drawn by the seed; an example that one side lacks is left out.
    """
    group_a, group_b = _by_example(a), _by_example(b)
    generator = random.Random(seed)
    first: list[Evaluation] = []
    second: list[Evaluation] = []
    for example in sorted(group_a.keys() & group_b.keys()):
        num = min(len(group_a[example]), len(group_b[example]))
        first += generator.sample(group_a[example], num)
        second += generator.sample(group_b[example], num)
    return first, second


def _resampled_entropies(
    sides: Sequence[dict[str, list[Evaluation]]], seed: int, resamples: int
) -> list[NDArray[np.float64]]:
    """The entropy of each side over every resample of the examples, (resamples,); the sides share their examples."""
    examples = {example: index for index, example in enumerate(sorted(sides[0]))}
    coded = [_coded(side, examples) for side in sides]
    generator = np.random.default_rng(seed)
    drawn: list[list[float]] = [[] for _ in sides]
    for _ in range(resamples):
        chosen = generator.integers(0, len(examples), size=len(examples))
        times = np.bincount(chosen, minlength=len(examples))
        for entropies, (api_of, example_of) in zip(drawn, coded, strict=True):
            counts = np.bincount(api_of, weights=times[example_of])
            shares = counts[counts > 0] / max(1.0, counts.sum())
            entropies.append(float(-(shares * np.log(shares)).sum()))
    return [np.array(entropies) for entropies in drawn]


def _coded(side: dict[str, list[Evaluation]], examples: dict[str, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(number of its API, number of its example) of every completion that calls something."""
    calls = [(one.api, examples[example]) for example, group in side.items() for one in group if one.api is not None]
    numbers = {api: number for number, api in enumerate(dict.fromkeys(api for api, _ in calls))}
    return np.array([numbers[api] for api, _ in calls]), np.array([example for _, example in calls])


def _centred(figure: float, drawn: NDArray[np.float64], level: float) -> Interval:
    """The percentile interval, moved so that the resamples' mean is at the figure."""
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2]) - drawn.mean() + figure
    return Interval(figure, float(low), float(high))


def _counts(evaluations: Sequence[Evaluation]) -> Counter[str]:
    return Counter(evaluation.api for evaluation in evaluations if evaluation.api is not None)


def _by_example(evaluations: Sequence[Evaluation]) -> dict[str, list[Evaluation]]:
    groups: dict[str, list[Evaluation]] = defaultdict(list)
    for evaluation in evaluations:
        groups[evaluation.example_id].append(evaluation)
    return groups
