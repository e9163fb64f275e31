"""Paired tests on collections of score distributions: does a policy's spread differ, where its mean may not?

Rustamov and Majumdar, Intrinsic Sliced Wasserstein Distances for Comparing Collections of Probability
Distributions on Manifolds and Graphs (arXiv 2010.15285). Every example has a distribution of scores by each
policy: those of its samples. A distribution becomes a vector, its quantile function at even levels; Euclidean
distance between vectors is the 2-Wasserstein distance between distributions, sliced where a score has several
components. Two collections are compared by their mean vectors. The paper's two tests:

- resampling, on the squared distance between the mean vectors;
- a test of each coordinate, and their p-values combined.

The paper compares independent collections. Here both policies answer the same examples, so what is resampled
are the signs of the examples' differences of vectors, in both tests. A difference in the spread within
examples shows as low quantiles that differ one way and high ones the other, though their sum, the
difference of means, is 0. As in the paper, what is tested are mean vectors: policies whose examples differ
in different ways that cancel out over the examples are not told apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rlaif.metrics.sign_flips import TestResult, flipped_means, p_value

NUM_SLICES = 50
MAX_LEVELS = 64
LARGEST_IN_CAUCHY = 0.99
"""Cauchy's combination stops here (Fang et al. 2023): a p-value of 1, as discrete scores have, is -infinity in it."""

Combination = Literal["harmonic", "cauchy"]


def wasserstein_test(
    a: Sequence[ArrayLike], b: Sequence[ArrayLike], *, seed: int, resamples: int = 10_000
) -> TestResult:
    """The test by resampling: is the squared distance of the mean vectors larger than under sign flips?

    a, b: (num_examples,) of arrays, example i's scores by either policy: (num_samples,), or (num_samples,
    num_components) for scores that are vectors. Of two numbers of samples that differ, the larger is cut to
    the smaller by a seeded draw: quantiles of few samples lie closer together than those of many, which
    would pass for a difference. An example that either side has no score for is left out.

    The statistic is the squared (sliced) 2-Wasserstein distance of the mean quantile functions.
    """
    differences = embedded_differences(a, b, seed)
    if not len(differences):
        return TestResult(float("nan"), None, 0)
    distances = (flipped_means(differences, seed, resamples) ** 2).sum(axis=1)
    return TestResult(float(distances[0]), p_value(distances[0], distances), len(differences))


def combined_test(
    a: Sequence[ArrayLike], b: Sequence[ArrayLike], *, seed: int, resamples: int = 10_000,
    combination: Combination = "harmonic",
) -> TestResult:  # fmt: skip
    """The test by coordinates: a sign-flip test of every quantile, their p-values combined.

    combination: "harmonic", the harmonic mean p-value (Wilson 2019, as in the paper), or "cauchy" (Liu and Xie
    2020, arXiv 1808.09011). Their own tails hold for p-values near 0 and for weak, or no, dependence; neighbouring
    quantiles depend on each other strongly, so the combination is itself compared with that of every pattern
    of signs (Pesarin's nonparametric combination): the size holds for any dependence and for discrete scores.

    a, b: as in `wasserstein_test`. The statistic is the combined p-value before that comparison.
    """
    differences = embedded_differences(a, b, seed)
    if not len(differences):
        return TestResult(float("nan"), None, 0)
    by_coordinate = _coordinate_p_values(np.abs(flipped_means(differences, seed, resamples)))
    combined = combine_p_values(by_coordinate, combination)
    return TestResult(float(combined[0]), p_value(-combined[0], -combined), len(differences))


def combine_p_values(p_values: NDArray[np.float64], combination: Combination) -> NDArray[np.float64]:
    """(..., num) p-values to (...): all with the same weight."""
    if combination == "harmonic":
        return np.asarray(1 / (1 / p_values).mean(axis=-1))
    held = np.minimum(p_values, LARGEST_IN_CAUCHY)
    return np.asarray(0.5 - np.arctan(np.tan((0.5 - held) * np.pi).mean(axis=-1)) / np.pi)


def embedded_differences(a: Sequence[ArrayLike], b: Sequence[ArrayLike], seed: int) -> NDArray[np.float64]:
    """The difference of the policies' vectors for each example with scores on both sides: (num_pairs, num_coordinates).

    Scaled such that a row's squared length is the squared (sliced) 2-Wasserstein distance.
    """
    generator = np.random.default_rng(seed)
    pairs = [_same_number(_columns(x), _columns(y), generator) for x, y in zip(a, b, strict=True)]
    pairs = [(x, y) for x, y in pairs if len(x)]
    if not pairs:
        return np.empty((0, 0))
    slices = _slices(pairs[0][0].shape[1], generator)
    num_levels = min(MAX_LEVELS, max(len(x) for x, _ in pairs))
    by_number: dict[int, list[int]] = {}
    for index, (x, _) in enumerate(pairs):
        by_number.setdefault(len(x), []).append(index)
    rows = np.empty((len(pairs), num_levels * slices.shape[1]))
    for indices in by_number.values():
        first, second = (np.stack([pairs[index][side] for index in indices]) @ slices for side in (0, 1))
        rows[indices] = (quantiles(first, num_levels) - quantiles(second, num_levels)).reshape(len(indices), -1)
    return rows / np.sqrt(rows.shape[1])


def quantiles(scores: NDArray[np.float64], num_levels: int) -> NDArray[np.float64]:
    """Quantile functions at (k + 1/2) / num_levels of (num_examples, num_samples, num_slices): the samples' axis
    becomes num_levels long. With as many levels as samples these are the sorted scores.
    """
    levels = (np.arange(num_levels) + 0.5) / num_levels
    return np.asarray(np.sort(scores, axis=1)[:, np.floor(levels * scores.shape[1]).astype(int)])


def _slices(num_components: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Directions to project on, (num_components, num_slices) of length 1; one number needs no slice."""
    if num_components == 1:
        return np.ones((1, 1))
    drawn = generator.normal(size=(num_components, NUM_SLICES))
    return np.asarray(drawn / np.linalg.norm(drawn, axis=0))


def _columns(scores: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(scores, dtype=float)
    return array[:, None] if array.ndim == 1 else array


def _same_number(
    x: NDArray[np.float64], y: NDArray[np.float64], generator: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both cut to the smaller number of samples."""
    num = min(len(x), len(y))
    cut = [side if len(side) == num else generator.choice(side, num, replace=False) for side in (x, y)]
    return cut[0], cut[1]


def _coordinate_p_values(flipped: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each pattern and coordinate, the share of patterns whose |mean| there is as large: as (patterns, coordinates).

    A coordinate that is 0 throughout has p-values of 1.
    """
    shares = np.empty_like(flipped)
    for column in range(flipped.shape[1]):
        rounded = np.round(flipped[:, column] / max(flipped[:, column].max(), 1e-300), 9)  # equal means are equal
        shares[:, column] = (len(rounded) - np.searchsorted(np.sort(rounded), rounded, side="left")) / len(rounded)
    return shares
