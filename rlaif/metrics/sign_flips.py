"""Tests of paired differences by sign flips: under the null a pair's two sides could be exchanged.

Exchanging a pair's sides turns the sign of its difference, so every pattern of signs is as likely as the one
that was seen, whatever the differences' distribution (Fisher 1935; Lehmann and Romano, Testing Statistical
Hypotheses, 15.2). Scores may be discrete: ties count against rejection, so the size is never above the level.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

BLOCK = 500
"""Patterns of signs drawn at a time: over 8,000 examples a block takes 32 MB."""
ROUNDING = 1e-9
"""Flipped statistics this little (relatively) below the one that was seen count as equal to it."""


@dataclass(frozen=True)
class TestResult:
    """What a paired test found. A p-value is None where no pair could be made."""

    __test__ = False  # no test class of pytest's

    statistic: float
    p_value: float | None
    num_pairs: int


def paired_mean_test(
    a: Sequence[ArrayLike], b: Sequence[ArrayLike], *, seed: int, resamples: int = 10_000
) -> TestResult:
    """Two-sided test that two policies have the same mean score over examples.

    a, b: (num_examples,) of arrays, example i's scores by either policy, of any number each. Scores of one
    example (several samples, several seeds) are averaged first: the example is what is flipped, once for all
    of them. So the test is about other examples and the same trained policies; what another seed would
    give is the business of the intervals, since three seeds cannot reject at 0.05 by flips of their own.
    An example that either side has no score for is left out.

    The statistic is mean(a) - mean(b), every example weighing the same.
    """
    sides = [(np.asarray(x, dtype=float), np.asarray(y, dtype=float)) for x, y in zip(a, b, strict=True)]
    pairs = [(x.mean(), y.mean()) for x, y in sides if x.size and y.size]
    if not pairs:
        return TestResult(float("nan"), None, 0)
    differences = np.array([x - y for x, y in pairs])[:, None]
    flipped = np.abs(flipped_means(differences, seed, resamples))[:, 0]
    mean = float(differences.mean())
    return TestResult(mean, p_value(abs(mean), flipped), len(pairs))


def flipped_means(differences: NDArray[np.float64], seed: int, resamples: int) -> NDArray[np.float64]:
    """Means of the differences (num_pairs, num_columns) under patterns of signs: (num_patterns, num_columns).

    The first pattern is the one that was seen. All 2^n patterns where they are no more than `resamples`
    (the test is exact then), else as many drawn ones.
    """
    blocks = [signs @ differences / len(differences) for signs in _patterns(len(differences), seed, resamples)]
    return np.concatenate([differences.mean(axis=0, keepdims=True), *blocks])


def p_value(seen: float, flipped: NDArray[np.float64]) -> float:
    """The share of patterns, the seen one (first in `flipped`) among them, whose statistic is as large.

    Counting the seen pattern keeps a test with drawn patterns valid (Phipson and Smyth 2010, arXiv 1603.05766).
    """
    return float(np.mean(flipped >= seen - ROUNDING * max(abs(seen), 1e-12)))


def _patterns(num: int, seed: int, resamples: int) -> Iterator[NDArray[np.float64]]:
    """Blocks (block, num) of +1 and -1, without the pattern of all +1 where all are listed."""
    if num < 31 and 2**num <= resamples:
        codes = np.arange(1, 2**num)
        yield np.asarray(1.0 - 2.0 * ((codes[:, None] >> np.arange(num)) & 1), dtype=np.float64)
        return
    generator = np.random.default_rng(seed)
    for start in range(0, resamples - 1, BLOCK):
        size = (min(BLOCK, resamples - 1 - start), num)
        yield np.asarray(generator.integers(0, 2, size=size, dtype=np.int8) * 2.0 - 1.0, dtype=np.float64)
