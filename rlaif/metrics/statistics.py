"""Means and their uncertainty over examples."""

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

    Both (num_examples,). Examples are what is drawn: with several samples an example, a numerator is
    the sum over its samples and a denominator their number, so that samples of one example, which are
    alike, do not pass for independent ones. ValueError where the denominators sum to zero.
    """
    top = np.asarray(numerators, dtype=float)
    bottom = np.asarray(denominators, dtype=float)
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

    a, b: (numerators, denominators) as in `bootstrap_ratio`, row i of each about the same example.
    Both sides draw the same examples, so what makes an example hard cancels out.
    """
    columns = [np.asarray(column, dtype=float) for column in (*a, *b)]
    if columns[1].sum() == 0 or columns[3].sum() == 0:
        raise ValueError("no valid value to take a difference of")
    top_a, bottom_a, top_b, bottom_b = _resample_sums(columns, seed, resamples)
    usable = (bottom_a > 0) & (bottom_b > 0)
    drawn = top_a[usable] / bottom_a[usable] - top_b[usable] / bottom_b[usable]
    mean = columns[0].sum() / columns[1].sum() - columns[2].sum() / columns[3].sum()
    return _percentile_interval(float(mean), drawn, level)


def _resample_sums(columns: Sequence[NDArray[np.float64]], seed: int, resamples: int) -> list[NDArray[np.float64]]:
    """The sum of every column over every resample: each (resamples,)."""
    stacked = np.stack(columns, axis=1)
    generator = np.random.default_rng(seed)
    blocks = []
    for start in range(0, resamples, BLOCK):
        chosen = generator.integers(0, len(stacked), size=(min(BLOCK, resamples - start), len(stacked)))
        blocks.append(stacked[chosen].sum(axis=1))
    return list(np.concatenate(blocks).T)


def _percentile_interval(mean: float, drawn: NDArray[np.float64], level: float) -> Interval:
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(mean, float(low), float(high))
