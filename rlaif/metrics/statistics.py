"""Means and their uncertainty over examples and seeds.

Where there are several seeds, all of them answer the same examples. A resample then draws seeds and, by itself,
examples (Owen, The pigeonhole bootstrap, arXiv 0712.1111), and takes every sample of a drawn seed and example: samples
of one example are alike, and so are those of one seed, so neither pass for independent ones. Of three seeds the
spread over seeds is a rough guess, and the interval's share of it rather too narrow than too wide.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

BLOCK = 64
"""Resamples drawn at a time: a block of four columns over 8,000 examples takes 16 MB."""


@dataclass(frozen=True)
class Interval:
    """A mean and its bootstrap interval."""

    mean: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2


@dataclass(frozen=True)
class Mean:
    """A mean over the values that are there. ``mean`` is None where none is."""

    mean: float | None
    num_valid: int
    num_missing: int


def mean_over(values: Iterable[float | None]) -> Mean:
    """The mean of the values that are not None, and how many were and were not."""
    everything = list(values)
    valid = [value for value in everything if value is not None]
    mean = sum(valid) / len(valid) if valid else None
    return Mean(mean, len(valid), len(everything) - len(valid))


def bootstrap_interval(values: ArrayLike, *, seed: int, resamples: int = 2000, level: float = 0.95) -> Interval:
    """The percentile bootstrap interval of a mean (Efron, 1979).

    values: (num_examples,), one number an example. ValueError where there is none.
    """
    numbers = np.asarray(values, dtype=float)
    return bootstrap_ratio(numbers, np.ones_like(numbers), seed=seed, resamples=resamples, level=level)


def bootstrap_ratio(
    numerators: ArrayLike, denominators: ArrayLike, *, seed: int, resamples: int = 2000, level: float = 0.95
) -> Interval:
    """The percentile bootstrap interval of sum(numerators) / sum(denominators).

    Both (num_examples,), or (num_seeds, num_examples). With several samples an example, a numerator is
    the sum over its samples and a denominator their number. ValueError where the denominators sum to zero.
    """
    top, bottom = _with_seeds(numerators, denominators)
    if bottom.sum() == 0:
        raise ValueError("no valid value to take an interval of")
    drawn_top, drawn_bottom = _resample_sums([top, bottom], seed, resamples)
    ratios = drawn_top[drawn_bottom > 0] / drawn_bottom[drawn_bottom > 0]
    return _percentile_interval(float(top.sum() / bottom.sum()), ratios, level)


def paired_difference(
    a: tuple[ArrayLike, ArrayLike], b: tuple[ArrayLike, ArrayLike], *, seed: int, resamples: int = 2000,
    level: float = 0.95,
) -> Interval:  # fmt: skip
    """The interval of ratio(a) - ratio(b) where both were measured on the same examples.

    a, b: (numerators, denominators) as in `bootstrap_ratio`, column i of each about the same example, and row s
    about the same seed: b's policy is the one that a's was trained from, or a sibling. A side with one row
    (recorded answers) stands beside every row of the other. Both sides draw the same examples and seeds,
    so what makes an example hard, or a seed lucky, cancels out.
    """
    columns = _with_seeds(*a, *b)
    if columns[1].sum() == 0 or columns[3].sum() == 0:
        raise ValueError("no valid value to take a difference of")
    top_a, bottom_a, top_b, bottom_b = _resample_sums(columns, seed, resamples)
    usable = (bottom_a > 0) & (bottom_b > 0)
    drawn = top_a[usable] / bottom_a[usable] - top_b[usable] / bottom_b[usable]
    mean = columns[0].sum() / columns[1].sum() - columns[2].sum() / columns[3].sum()
    return _percentile_interval(float(mean), drawn, level)


def _with_seeds(*columns: ArrayLike) -> list[NDArray[np.float64]]:
    """Each as (num_seeds, num_examples)."""
    arrays = np.broadcast_arrays(*(np.atleast_2d(np.asarray(column, dtype=float)) for column in columns))
    return list(arrays)


def _resample_sums(columns: Sequence[NDArray[np.float64]], seed: int, resamples: int) -> list[NDArray[np.float64]]:
    """The sum of every column (num_seeds, num_examples) over every resample: each (resamples,)."""
    stacked = np.stack(columns).transpose(2, 0, 1)  # (num_examples, num_columns, num_seeds)
    num_examples, _, num_seeds = stacked.shape
    generator = np.random.default_rng(seed)
    blocks = []
    for start in range(0, resamples, BLOCK):
        size = min(BLOCK, resamples - start)
        sums = stacked[generator.integers(0, num_examples, size=(size, num_examples))].sum(axis=1)
        seeds = generator.integers(0, num_seeds, size=(size, 1, num_seeds))
        blocks.append(np.take_along_axis(sums, seeds, axis=2).sum(axis=2))
    return list(np.concatenate(blocks).T)


def _percentile_interval(mean: float, drawn: NDArray[np.float64], level: float) -> Interval:
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(mean, float(low), float(high))
