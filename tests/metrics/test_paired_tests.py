"""The paired tests: p-values by hand and SciPy, size where nothing differs, power where the spread does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from rlaif.metrics.sign_flips import TestResult, paired_mean_test
from rlaif.metrics.sliced_wasserstein import combine_p_values, combined_test, embedded_differences, wasserstein_test

Scores = NDArray[np.float64]
Test = Callable[..., TestResult]
TESTS: dict[str, Test] = {
    "mean": paired_mean_test,
    "wasserstein": wasserstein_test,
    "harmonic": combined_test,
    "cauchy": lambda a, b, **settings: combined_test(a, b, combination="cauchy", **settings),
}
SPREAD_TESTS = ("wasserstein", "harmonic", "cauchy")
NUM_PROMPTS, NUM_SAMPLES, NUM_SIMULATIONS = 100, 8, 400


def gaussian(generator: np.random.Generator, spread: float = 1.0) -> tuple[Scores, Scores]:
    """Prompts of differing difficulty; b's samples of a prompt lie `spread` times as far apart as a's."""
    means = generator.normal(size=(NUM_PROMPTS, 1))
    a, b = generator.normal(size=(2, NUM_PROMPTS, NUM_SAMPLES))
    return means + a, means + spread * b


def passes(generator: np.random.Generator) -> tuple[Scores, Scores]:
    """0 or 1, each prompt with a rate of its own."""
    rates = generator.uniform(size=(NUM_PROMPTS, 1))
    a, b = generator.uniform(size=(2, NUM_PROMPTS, NUM_SAMPLES)) < rates
    return a.astype(float), b.astype(float)


def decided(generator: np.random.Generator) -> tuple[Scores, Scores]:
    """0 or 1 with a mean of a half: a knows half of the prompts (0.8) and not the others (0.2), b tosses a coin."""
    rates = np.where(generator.uniform(size=(NUM_PROMPTS, 1)) < 0.5, 0.2, 0.8)
    a = generator.uniform(size=(NUM_PROMPTS, NUM_SAMPLES)) < rates
    b = generator.uniform(size=(NUM_PROMPTS, NUM_SAMPLES)) < 0.5
    return a.astype(float), b.astype(float)


def rejection_rate(test: Test, make: Callable[..., tuple[Scores, Scores]], num: int, **settings: float) -> float:
    found = [
        test(*make(np.random.default_rng(seed), **settings), seed=seed, resamples=400).p_value for seed in range(num)
    ]
    return float(np.mean([p is not None and p <= 0.05 for p in found]))


@pytest.mark.parametrize("make", [gaussian, passes])
@pytest.mark.parametrize("name", TESTS)
def test_size_where_nothing_differs(name: str, make: Callable[..., tuple[Scores, Scores]]) -> None:
    """Of 400 simulations; a true rate of 0.025 or 0.085 would mostly fall out of the bounds."""
    assert 0.03 <= rejection_rate(TESTS[name], make, NUM_SIMULATIONS) <= 0.07


@pytest.mark.parametrize("name", SPREAD_TESTS)
def test_power_where_only_the_spread_differs(name: str) -> None:
    assert rejection_rate(TESTS[name], gaussian, 100, spread=1.35) >= 0.95


@pytest.mark.parametrize("name", SPREAD_TESTS)
def test_power_on_zeros_and_ones_of_the_same_mean(name: str) -> None:
    assert rejection_rate(TESTS[name], decided, 100) >= 0.95


def test_the_mean_test_does_not_see_the_spread() -> None:
    assert rejection_rate(paired_mean_test, gaussian, 200, spread=1.35) <= 0.09


def test_p_value_by_hand() -> None:
    """Four pairs, 16 patterns of signs: |sum| of (3, 1, 2, 1) is 7 in two of them, 5 or more in six."""
    zeros = [[0.0]] * 4
    assert paired_mean_test([[3.0], [1.0], [2.0], [1.0]], zeros, seed=0).p_value == 2 / 16
    assert paired_mean_test([[3.0], [-1.0], [2.0], [1.0]], zeros, seed=0).p_value == 6 / 16


def test_scores_of_an_example_are_averaged_first() -> None:
    """Not eight pairs: as many copies of a sample as one likes are no evidence."""
    a = [[1.0] * 8, [0.5] * 8, [2.0] * 8]
    result = paired_mean_test(a, [[0.0], [0.0, 0.0], [0.0]], seed=0)
    assert (result.statistic, result.p_value, result.num_pairs) == (pytest.approx(3.5 / 3), 2 / 8, 3)


def test_examples_without_scores_are_left_out() -> None:
    a, b = [[1.0], [], [2.0]], [[0.0], [1.0], []]
    for test in TESTS.values():
        assert test(a, b, seed=0).num_pairs == 1
        assert test([[]], [[1.0]], seed=0).p_value is None


def test_embedding_is_the_wasserstein_distance() -> None:
    """Two distributions of three points each: W2 squared is the mean squared gap of the sorted points."""
    (row,) = embedded_differences([[3.0, 1.0, 2.0]], [[0.0, 5.0, 1.0]], seed=0)
    assert (row**2).sum() == pytest.approx((1**2 + 1**2 + 2**2) / 3)


def test_a_slice_of_several_components_is_their_projection() -> None:
    """A shift by v is a sliced squared distance of |v|^2 / d in the mean over directions."""
    scores = np.random.default_rng(0).normal(size=(1, 6, 3))
    (row,) = embedded_differences(scores + np.array([3.0, 0.0, 4.0]), scores, seed=0)
    assert (row**2).sum() == pytest.approx(25 / 3, rel=0.25)


def test_unequal_numbers_of_samples_are_no_difference() -> None:
    """Two samples against eight of the same distribution; quantiles of all of them would reject almost always."""

    def make(generator: np.random.Generator) -> tuple[Scores, Scores]:
        a, b = gaussian(generator)
        return a, b[:, :2]

    assert rejection_rate(wasserstein_test, make, 200) <= 0.09


def test_combinations_by_hand() -> None:
    p_values = np.array([0.01, 0.2])
    assert combine_p_values(p_values, "harmonic") == pytest.approx(2 / 105)
    mean = (np.tan(0.49 * np.pi) + np.tan(0.3 * np.pi)) / 2
    assert combine_p_values(p_values, "cauchy") == pytest.approx(0.5 - np.arctan(mean) / np.pi)
    for one in ("harmonic", "cauchy"):
        assert combine_p_values(np.full(5, 0.03), one) == pytest.approx(0.03)  # type: ignore[arg-type]


def test_p_value_of_scipy() -> None:
    """scipy.stats.permutation_test (1.17.1, permutation_type="samples", all 1,024 patterns) gives 188 / 1024."""
    differences = [-0.4, -0.92, 0.15, 0.82, 1.54, 0.51, -0.15, -0.38, 1.15, 2.03]
    a, b = [[one] for one in differences], [[0.0]] * 10
    assert paired_mean_test(a, b, seed=0).p_value == 188 / 1024
    assert paired_mean_test(a, b, seed=0, resamples=1000).p_value == pytest.approx(188 / 1024, abs=0.04)
