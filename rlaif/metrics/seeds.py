"""Figures over seeds: one policy's means, and two policies' differences with both paired tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlaif.metrics.diversity import api_entropy, calls_of, distinct_apis
from rlaif.metrics.sign_flips import paired_mean_test
from rlaif.metrics.sliced_wasserstein import combined_test, wasserstein_test
from rlaif.metrics.statistics import Interval, bootstrap_ratio, paired_difference
from rlaif.metrics.summary import DIVERSITY, METRICS, Summary, group_by_example
from rlaif.records import Evaluation

BySeed = Sequence[Sequence[Evaluation]]
"""The evaluations of one policy, seed by seed; of one that has no seeds (recorded answers), one list."""
Groups = list[dict[str, list[Evaluation]]]
MEASURES = dict(zip(DIVERSITY, (distinct_apis, api_entropy), strict=True))


@dataclass(frozen=True)
class PairedTests:
    """p-values of one metric's difference between two policies on the same examples; None where not tested."""

    mean: float | None
    """Sign flips of the difference of means."""
    distributions: float | None
    """Squared sliced Wasserstein distance of the examples' score distributions, by sign flips."""
    combined: float | None
    """The same by coordinates: harmonic mean of the quantiles' p-values, held against sign flips."""


@dataclass(frozen=True)
class Comparison:
    """Policy a less policy b, by metric."""

    intervals: dict[str, Interval]
    tests: dict[str, PairedTests]


def summarize_seeds(by_seed: BySeed, *, seed: int = 0, resamples: int = 2000) -> Summary:
    """Means over all seeds, examples and samples, with intervals that hold for other seeds and examples.

    `seed` is of the resampling. A metric that could be computed for no sample is left out.
    """
    groups = [group_by_example(evaluations) for evaluations in by_seed]
    examples = sorted(set().union(*groups))
    flat = [evaluation for evaluations in by_seed for evaluation in evaluations]
    intervals, missing = {}, {}
    for metric in METRICS:
        sums, counts = _sums(groups, examples, metric)
        missing[metric] = len(flat) - int(counts.sum())
        if counts.sum():
            intervals[metric] = bootstrap_ratio(sums, counts, seed=seed, resamples=resamples)
    for metric, measure in MEASURES.items():
        if flat and _all_call(by_seed, metric):
            found = measure([calls_of(evaluations) for evaluations in by_seed], examples).interval()
            intervals[metric] = Interval(found.mean, max(0.0, found.low), found.high)
    missing["api_entropy"] = sum(evaluation.api is None for evaluation in flat)
    return Summary(
        num=len(flat),
        num_examples=len(examples),
        intervals=intervals,
        num_missing=missing,
        verdicts=dict(Counter(evaluation.verdict for evaluation in flat).most_common()),
        failures=dict(Counter(evaluation.failure for evaluation in flat if evaluation.failure).most_common()),
        num_without_dataflow=sum(one.codebleu is not None and one.codebleu_dataflow is None for one in flat),
        **{metric: interval.mean for metric, interval in intervals.items()},
    )


def compare_seeds(
    a: BySeed, b: BySeed, *, seed: int = 0, resamples: int = 2000, flips: int = 10_000,
    tested: Collection[str] = tuple(METRICS),
) -> Comparison:  # fmt: skip
    """mean(a) - mean(b) on the examples that both answered, with paired intervals and p-values.

    a and b have the same seeds in the same order, or one of them a single list. A metric that either side
    lacks on those examples is left out; of the metrics in `tested` there are p-values. Diversity has an
    interval and no test: it is no mean over examples.
    """
    groups_a, groups_b = ([group_by_example(evaluations) for evaluations in side] for side in (a, b))
    examples = sorted(set().union(*groups_a) & set().union(*groups_b))
    intervals: dict[str, Interval] = {}
    tests = {}
    for metric in METRICS if examples else ():
        sums_a, sums_b = _sums(groups_a, examples, metric), _sums(groups_b, examples, metric)
        if sums_a[1].sum() and sums_b[1].sum():
            intervals[metric] = paired_difference(sums_a, sums_b, seed=seed, resamples=resamples)
        if metric in intervals and metric in tested:
            scores = (_scores(groups_a, examples, metric), _scores(groups_b, examples, metric))
            tests[metric] = _tests(*scores, seed=seed, resamples=flips)
    for metric, measure in MEASURES.items():
        if examples and _all_call(a, metric) and _all_call(b, metric):
            first, second = (measure([calls_of(one) for one in side], examples) for side in (a, b))
            intervals[metric] = first.minus(second).interval()
    return Comparison(intervals, tests)


def _tests(a: list[list[float]], b: list[list[float]], *, seed: int, resamples: int) -> PairedTests:
    """With one score an example there is no spread: the other two tests would be that of the means again."""
    mean = paired_mean_test(a, b, seed=seed, resamples=resamples).p_value
    if max(min(len(x), len(y)) for x, y in zip(a, b, strict=True)) < 2:
        return PairedTests(mean, None, None)
    return PairedTests(
        mean=mean,
        distributions=wasserstein_test(a, b, seed=seed, resamples=resamples).p_value,
        combined=combined_test(a, b, seed=seed, resamples=resamples).p_value,
    )


def _sums(groups: Groups, examples: Sequence[str], metric: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(sums, counts), each (num_seeds, num_examples), over the samples for which the metric is not None."""
    values = [[_values(group, example, metric) for example in examples] for group in groups]
    sums = np.array([[sum(one) for one in row] for row in values], dtype=float)
    counts = np.array([[len(one) for one in row] for row in values], dtype=float)
    return sums, counts


def _scores(groups: Groups, examples: Sequence[str], metric: str) -> list[list[float]]:
    """Every example's scores, those of all seeds together."""
    return [[value for group in groups for value in _values(group, example, metric)] for example in examples]


def _values(group: dict[str, list[Evaluation]], example: str, metric: str) -> list[float]:
    found = (METRICS[metric](evaluation) for evaluation in group.get(example, ()))
    return [float(value) for value in found if value is not None]


def _all_call(by_seed: BySeed, metric: str) -> bool:
    """Calls of nothing are no API, and have no entropy either."""
    return metric != "api_entropy" or all(any(one.api is not None for one in found) for found in by_seed)
