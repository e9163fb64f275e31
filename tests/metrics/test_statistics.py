"""Bootstrap intervals against normal theory and exact cases."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rlaif.metrics.statistics import bootstrap_interval, bootstrap_ratio, mean_over, paired_difference

Z95 = 1.959964


def test_interval_of_a_mean_is_near_normal_theory() -> None:
    values = np.random.default_rng(3).normal(0.5, 0.2, size=400)
    interval = bootstrap_interval(values, seed=0, resamples=8000)
    half = Z95 * values.std() / math.sqrt(len(values))
    assert interval.mean == pytest.approx(values.mean(), abs=1e-12)
    assert interval.low == pytest.approx(values.mean() - half, abs=0.04 * half)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.04 * half)


def test_level_sets_the_width() -> None:
    values = np.random.default_rng(3).normal(size=400)
    narrow = bootstrap_interval(values, seed=0, resamples=8000, level=0.6827)
    assert narrow.half_width == pytest.approx(values.std() / 20, rel=0.05)


def test_interval_of_a_share_is_near_the_binomial() -> None:
    values = [1.0] * 120 + [0.0] * 66
    interval = bootstrap_interval(values, seed=1, resamples=8000)
    share = 120 / 186
    half = Z95 * math.sqrt(share * (1 - share) / 186)
    assert (interval.high - interval.low) / 2 == pytest.approx(half, rel=0.05)


def test_95_percent_of_intervals_hold_the_truth() -> None:
    generator = np.random.default_rng(0)
    intervals = [bootstrap_interval(generator.normal(size=80), seed=i, resamples=400) for i in range(400)]
    covered = sum(interval.low <= 0 <= interval.high for interval in intervals)
    # Binomial(400, 0.95) has a standard deviation of 4.4; the percentile bootstrap covers a little less.
    assert 360 <= covered <= 393


def test_seed_decides_the_interval() -> None:
    values = np.random.default_rng(5).random(50)
    first, again, other = (bootstrap_interval(values, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first != other
    assert bootstrap_interval([0.25] * 9, seed=0).half_width == 0


def test_samples_of_one_example_are_not_independent() -> None:
    """Four copies of each example's value: the interval stays that of the examples, not half as wide."""
    values = np.random.default_rng(7).random(200)
    single = bootstrap_interval(values, seed=0, resamples=4000)
    clustered = bootstrap_ratio(4 * values, np.full(200, 4.0), seed=0, resamples=4000)
    assert clustered.half_width == pytest.approx(single.half_width, rel=1e-9)


def test_ratio_weighs_samples_not_examples() -> None:
    interval = bootstrap_ratio([3, 0, 0], [3, 1, 0], seed=0)
    assert interval.mean == pytest.approx(3 / 4)


def test_pairing_narrows_a_difference() -> None:
    generator = np.random.default_rng(11)
    hardness = generator.normal(size=300)
    a, b, ones = hardness + 0.1 + generator.normal(0, 0.1, 300), hardness, np.ones(300)
    paired = paired_difference((a, ones), (b, ones), seed=0, resamples=4000)
    assert paired.mean == pytest.approx((a - b).mean(), abs=1e-9)
    assert paired.half_width == pytest.approx(Z95 * (a - b).std() / math.sqrt(300), rel=0.06)
    unpaired = Z95 * math.sqrt((a.var() + b.var()) / 300)
    assert paired.half_width < unpaired / 5


def test_no_value_is_an_error_not_a_zero() -> None:
    with pytest.raises(ValueError, match="no valid value"):
        bootstrap_interval([], seed=0)
    with pytest.raises(ValueError, match="no valid value"):
        paired_difference(([1.0], [1.0]), ([0.0], [0.0]), seed=0)


def test_mean_counts_what_is_missing() -> None:
    mean = mean_over([1.0, None, 0.5, None])
    assert (mean.mean, mean.num_valid, mean.num_missing) == (0.75, 2, 2)
    assert mean_over([None]).mean is None
