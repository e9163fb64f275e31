"""What a judge is worth: its probabilities beside what is known to be true, every figure with its interval.

    coverage    readable answers / answers; what could not be read is left out of all other figures, and is never a no
    accuracy    share in which p >= 0.5 agrees with the truth
    kappa       (accuracy - by chance) / (1 - by chance)                           Cohen, 1960
    auroc       P(p of a true one > p of a false one), ties count half             Hanley & McNeil, 1982
    brier       mean of (p - truth)^2                                              Brier, 1950
    ece         sum over bins of equal width of share * |mean p - mean truth|      Guo et al., 2017, arXiv 1706.04599

The bootstrap draws examples, not samples: samples of one example are alike. A draw is a row of weights, so every
figure is written for weighted rows, (draws, n), and computed for all draws at once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Figure = Callable[[Floats], Floats]
"""(draws, n) weights -> (draws,) values; nan where a draw leaves it undefined."""
BLOCK = 64
"""Draws at a time: a block over 4,000 rows takes 2 MB."""
THRESHOLD = 0.5


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95% percentile bootstrap interval. All None where it is undefined."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Bin:
    """Answers of about the same probability."""

    mean_p: float
    share_true: float
    num: int


@dataclass(frozen=True)
class Calibration:
    """A judge's answers to one question, or its scores, against one truth."""

    num: int
    """Answers of which the truth is known, readable or not."""
    num_invalid: int
    figures: dict[str, Estimate]
    bins: tuple[Bin, ...]
    """The reliability diagram's points; empty where the scores are no probabilities."""


def calibrate(
    p: ArrayLike, truth: ArrayLike, examples: Sequence[Hashable], *, num_bins: int = 10, seed: int = 0,
    resamples: int = 1000,
) -> Calibration:  # fmt: skip
    """Every figure of the module's list.

    p: (n,) probabilities of yes, or scores of any scale, nan where the answer is invalid. Scores outside [0, 1] have
       only a coverage and an AUROC.
    truth: (n,) 1 or 0; leave out rows whose truth is not known.
    examples: (n,) whose sample a row is.
    """
    said, right = np.asarray(p, dtype=float), np.asarray(truth, dtype=float)
    valid = ~np.isnan(said)
    draw = Bootstrap(examples, seed=seed, resamples=resamples)
    figures = {"coverage": draw.estimate(lambda weights: weights @ valid / weights.sum(axis=1))}
    said, right = said[valid], right[valid]
    kept = Bootstrap([one for one, is_valid in zip(examples, valid, strict=True) if is_valid], seed=seed,
                     resamples=resamples)  # fmt: skip
    probable = bool(np.all((said >= 0) & (said <= 1)))
    for name, figure in FIGURES.items():
        if probable or name == "auroc":
            figures[name] = kept.estimate(partial(figure, said, right))
    if probable:
        figures["ece"] = kept.estimate(lambda weights: expected_calibration_error(said, right, weights, num_bins))
    bins = reliability(said, right, num_bins) if probable else ()
    return Calibration(len(valid), int((~valid).sum()), figures, bins)


class Bootstrap:
    """Draws of examples with replacement, the same for every figure of the same rows."""

    def __init__(self, examples: Sequence[Hashable], *, seed: int = 0, resamples: int = 1000) -> None:
        numbers = {example: number for number, example in enumerate(dict.fromkeys(examples))}
        self._row_to_example = np.array([numbers[example] for example in examples], dtype=int)
        self._num_examples, self._seed, self._resamples = len(numbers), seed, resamples

    def estimate(self, figure: Figure) -> Estimate:
        """The figure on all rows once, and its interval over the draws in which it is defined."""
        num = len(self._row_to_example)
        if not num:
            return Estimate(None, None, None)
        with np.errstate(divide="ignore", invalid="ignore"):
            value = float(figure(np.ones((1, num)))[0])
            drawn = np.concatenate([figure(weights) for weights in self._draws()])
        drawn = drawn[np.isfinite(drawn)]
        if not np.isfinite(value) or not len(drawn):
            return Estimate(None, None, None)
        low, high = np.quantile(drawn, [0.025, 0.975])
        return Estimate(value, float(low), float(high))

    def _draws(self) -> Iterator[Floats]:
        for start in range(0, self._resamples, BLOCK):
            yield self._counts[start : start + BLOCK, self._row_to_example].astype(float)

    @cached_property
    def _counts(self) -> NDArray[np.int16]:
        """(resamples, examples): how often each example is drawn."""
        generator, num = np.random.default_rng(self._seed), self._num_examples
        drawn = (np.bincount(generator.integers(0, num, num), minlength=num) for _ in range(self._resamples))
        return np.array(list(drawn), dtype=np.int16)


def accuracy(p: Floats, truth: Floats, weights: Floats) -> Floats:
    agrees = (p >= THRESHOLD) == (truth == 1)
    return np.asarray(weights @ agrees / weights.sum(axis=1))


def cohens_kappa(p: Floats, truth: Floats, weights: Floats) -> Floats:
    """nan where both only ever say the same one thing: then chance alone explains it."""
    total = weights.sum(axis=1)
    said_yes, is_yes = weights @ (p >= THRESHOLD) / total, weights @ (truth == 1) / total
    by_chance = said_yes * is_yes + (1 - said_yes) * (1 - is_yes)
    return np.where(by_chance < 1, (accuracy(p, truth, weights) - by_chance) / (1 - by_chance), np.nan)


def auroc(p: Floats, truth: Floats, weights: Floats) -> Floats:
    """From the ranks of the true ones (Mann-Whitney). nan where all are true, or none."""
    positive = truth == 1
    num_positive, num_negative = weights @ positive, weights @ ~positive
    rank_sum = (weights * midranks(p, weights)) @ positive
    return np.asarray((rank_sum - num_positive * (num_positive + 1) / 2) / (num_positive * num_negative))


def brier(p: Floats, truth: Floats, weights: Floats) -> Floats:
    return np.asarray(weights @ (p - truth) ** 2 / weights.sum(axis=1))


def expected_calibration_error(p: Floats, truth: Floats, weights: Floats, num_bins: int = 10) -> Floats:
    membership = np.eye(num_bins)[_bin_of(p, num_bins)]
    gaps = weights @ (membership * (p - truth)[:, None])
    return np.asarray(np.abs(gaps).sum(axis=1) / weights.sum(axis=1))


FIGURES: dict[str, Callable[[Floats, Floats, Floats], Floats]] = {
    "accuracy": accuracy, "kappa": cohens_kappa, "auroc": auroc, "brier": brier,
}  # fmt: skip


def reliability(p: Floats, truth: Floats, num_bins: int = 10) -> tuple[Bin, ...]:
    """The bins that are not empty, in order."""
    places = _bin_of(p, num_bins)
    return tuple(
        Bin(float(p[places == place].mean()), float(truth[places == place].mean()), int((places == place).sum()))
        for place in np.unique(places)
    )


def _bin_of(p: Floats, num_bins: int) -> NDArray[np.int_]:
    """1.0 is in the last bin."""
    return np.minimum((p * num_bins).astype(int), num_bins - 1)


def midranks(values: Floats, weights: Floats) -> Floats:
    """(draws, n) ranks from 1, ties at their mean, each row counted as often as its weight says."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(values) else np.array([], dtype=int)
    counts = np.add.reduceat(weights[:, order], starts, axis=1)
    ranks = np.cumsum(counts, axis=1) - counts + (counts + 1) / 2
    tie_of_row = np.empty(len(values), dtype=int)
    tie_of_row[order] = np.cumsum(np.r_[0, ordered[1:] != ordered[:-1]])
    return np.asarray(ranks[:, tie_of_row])


def pearson(x: Floats, y: Floats, weights: Floats) -> Floats:
    """x, y: (n,) or (draws, n). With a y of 0 and 1 it is the point-biserial correlation. nan without variance."""
    total = weights.sum(axis=1, keepdims=True)
    dx = x - (weights * x).sum(axis=1, keepdims=True) / total
    dy = y - (weights * y).sum(axis=1, keepdims=True) / total
    spread = (weights * dx**2).sum(axis=1) * (weights * dy**2).sum(axis=1)
    return np.where(spread > 1e-18, (weights * dx * dy).sum(axis=1) / np.sqrt(np.maximum(spread, 1e-18)), np.nan)


def spearman(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Pearson's correlation of the ranks."""
    return pearson(midranks(x, weights), midranks(y, weights), weights)


def correlation_with_length(
    values: ArrayLike, lengths: ArrayLike, examples: Sequence[Hashable], *, seed: int = 0, resamples: int = 1000
) -> dict[str, Estimate]:
    """How much longer code is called better. values: (n,), nan where there is none.

    `spearman` of the values; `point_biserial` of value >= 0.5, where the values are probabilities.
    """
    all_values, all_lengths = np.asarray(values, dtype=float), np.asarray(lengths, dtype=float)
    valid = ~np.isnan(all_values)
    x, y = all_values[valid], all_lengths[valid]
    draw = Bootstrap([one for one, kept in zip(examples, valid, strict=True) if kept], seed=seed, resamples=resamples)
    found = {"spearman": draw.estimate(lambda weights: spearman(x, y, weights))}
    if np.all((x >= 0) & (x <= 1)):
        yes = (x >= THRESHOLD).astype(float)
        found["point_biserial"] = draw.estimate(lambda weights: pearson(yes, y, weights))
    return found


def agreement(
    one: ArrayLike, other: ArrayLike, examples: Sequence[Hashable], *, seed: int = 0, resamples: int = 1000
) -> dict[str, Estimate]:
    """Two judges on the same rows, nan where one has no answer.

    `both_valid`: the share of rows that both could answer. Over those: `agree` and `kappa` of their yes and no, where
    both are probabilities, and `spearman` of their values.
    """
    a, b = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    valid = ~np.isnan(a) & ~np.isnan(b)
    every = Bootstrap(examples, seed=seed, resamples=resamples)
    found = {"both_valid": every.estimate(lambda weights: weights @ valid / weights.sum(axis=1))}
    x, y = a[valid], b[valid]
    both = Bootstrap([row for row, kept in zip(examples, valid, strict=True) if kept], seed=seed, resamples=resamples)
    if np.all((x >= 0) & (x <= 1) & (y >= 0) & (y <= 1)):
        yes = (y >= THRESHOLD).astype(float)
        found["agree"] = both.estimate(lambda weights: accuracy(x, yes, weights))
        found["kappa"] = both.estimate(lambda weights: cohens_kappa(x, yes, weights))
    found["spearman"] = both.estimate(lambda weights: spearman(x, y, weights))
    return found
