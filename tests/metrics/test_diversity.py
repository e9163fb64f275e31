"""How many APIs a row calls and how evenly, by hand, and the jackknife beside repeated draws."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rlaif.metrics.diversity import api_entropy, distinct_apis

Z95 = 1.959964


def test_diversity_by_hand() -> None:
    """Of a: 3, b: 1, c: 1 calls there are three APIs; without either of two examples there are two."""
    calls = {"1": ["a"], "2": ["a"], "3": ["a"], "4": ["b"], "5": ["c"], "6": [None]}
    found = distinct_apis([calls], list(calls))
    assert found.left_out.tolist() == [[3, 3, 3, 2, 2, 3]]
    error = math.sqrt(5 / 6 * (2 - 2**2 / 6))  # Heltshe and Forrester: f1 APIs of one example, n of them
    assert found.interval().half_width == pytest.approx(Z95 * error)
    assert found.interval().mean == 3


def test_entropy_without_an_example_is_that_of_the_others() -> None:
    calls = {"1": ["a", "b"], "2": ["a", "a"], "3": ["c", "b"], "4": ["a", "d"]}
    found = api_entropy([calls], list(calls))
    for index, example in enumerate(calls):
        rest = {id: apis for id, apis in calls.items() if id != example}
        counts = np.unique([api for apis in rest.values() for api in apis], return_counts=True)[1]
        shares = counts / counts.sum()
        assert found.left_out[0, index] == pytest.approx(-(shares * np.log(shares)).sum())
    assert api_entropy([{"1": ["a"]}], ["1"]).by_seed[0] == 0


def test_the_entropy_of_equal_shares_is_the_logarithm_of_their_number() -> None:
    calls = {str(number): [api] for number, api in enumerate("abcdefgh")}
    assert api_entropy([calls], list(calls)).mean == pytest.approx(math.log(8))


def test_the_entropys_error_is_that_of_repeated_draws() -> None:
    """The jackknife of one draw of 500 from a distribution of four beside the spread of 4,000 draws."""
    generator, shares = np.random.default_rng(0), [0.5, 0.25, 0.15, 0.1]
    drawn = generator.multinomial(500, shares, size=4000) / 500
    spread = -(drawn * np.log(drawn)).sum(axis=1)
    apis = np.repeat(list("abcd"), [250, 125, 75, 50])
    calls = {str(number): [str(api)] for number, api in enumerate(apis)}
    assert api_entropy([calls], list(calls)).standard_error() == pytest.approx(spread.std(), rel=0.05)
