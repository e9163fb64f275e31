"""How many different APIs a policy calls, and how evenly: what a retreat to a few safe calls lowers.

Both figures grow with the number of completions, so they are to be compared at the same number only: the plug-in
entropy of K APIs in n completions is too low by about (K - 1) / 2n (Miller 1955). Neither is a mean. A bootstrap
draws some examples twice and loses others, and with them APIs that only they call, so its counts lie below the one
that was seen. The jackknife leaves out one example at a time (Heltshe and Forrester 1983, for numbers of species);
over seeds, the variance of their mean is added.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from rlaif.metrics.statistics import Interval
from rlaif.metrics.summary import group_by_example
from rlaif.records import Evaluation

Z95 = 1.959964
Calls = Mapping[str, Sequence[str | None]]
"""Example id -> the API that each of its samples calls; None: none."""


@dataclass(frozen=True)
class Diversity:
    """A figure of every seed, and what it is without each of the examples."""

    by_seed: NDArray[np.float64]
    """(num_seeds,)"""
    left_out: NDArray[np.float64]
    """(num_seeds, num_examples)"""

    def minus(self, other: Diversity) -> Diversity:
        """The difference, of the same examples and seeds; one seed stands beside every other."""
        return Diversity(self.by_seed - other.by_seed, self.left_out - other.left_out)

    @property
    def mean(self) -> float:
        return float(self.by_seed.mean())

    def standard_error(self) -> float:
        """Of the mean over seeds: jackknife over examples, plus the variance over seeds."""
        over_examples = self.left_out.mean(axis=0)
        num, num_seeds = len(over_examples), len(self.by_seed)
        variance = (num - 1) / num * float(((over_examples - over_examples.mean()) ** 2).sum())
        if num_seeds > 1:
            variance += float(self.by_seed.var(ddof=1)) / num_seeds
        return variance**0.5

    def interval(self) -> Interval:
        """The mean over seeds and its 95% normal interval."""
        half = Z95 * self.standard_error()
        return Interval(self.mean, self.mean - half, self.mean + half)


def calls_of(evaluations: Sequence[Evaluation]) -> Calls:
    return {example: [one.api for one in found] for example, found in group_by_example(evaluations).items()}


def distinct_apis(by_seed: Sequence[Calls], examples: Sequence[str]) -> Diversity:
    """How many different APIs the samples of these examples call, per seed."""
    totals, parts = _counts(by_seed, examples)
    left_out = [
        [len(total) - sum(part[api] == total[api] for api in part) for part in by_example]
        for total, by_example in zip(totals, parts, strict=True)
    ]
    return Diversity(np.array([len(total) for total in totals], float), np.array(left_out, float))


def api_entropy(by_seed: Sequence[Calls], examples: Sequence[str]) -> Diversity:
    """The entropy of the APIs called, in nats: log N - sum(c log c) / N, per seed. 0 where none is called."""
    totals, parts = _counts(by_seed, examples)
    entropies, left_out = [], []
    for total, by_example in zip(totals, parts, strict=True):
        num, weighted = sum(total.values()), sum(_weighted(count) for count in total.values())
        entropies.append(_entropy(num, weighted))
        rest = []
        for part in by_example:
            lost = sum(_weighted(total[api]) - _weighted(total[api] - count) for api, count in part.items())
            rest.append(_entropy(num - sum(part.values()), weighted - lost))
        left_out.append(rest)
    return Diversity(np.array(entropies), np.array(left_out))


def _counts(by_seed: Sequence[Calls], examples: Sequence[str]) -> tuple[list[Counter[str]], list[list[Counter[str]]]]:
    """Per seed: how often each API is called, in all and in each example."""
    parts = [[Counter(api for api in calls.get(id, ()) if api is not None) for id in examples] for calls in by_seed]
    return [sum(by_example, Counter[str]()) for by_example in parts], parts


def _weighted(count: int) -> float:
    return count * log(count) if count else 0.0


def _entropy(num: int, weighted: float) -> float:
    return max(0.0, log(num) - weighted / num) if num else 0.0
