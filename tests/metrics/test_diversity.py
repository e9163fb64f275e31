"""How many APIs a row calls and how evenly, counted by hand and beside SciPy-free NumPy figures."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

from rlaif.metrics.diversity import (
    api_entropy,
    compare,
    distinct_apis,
    diversity,
    entropy_difference,
    entropy_interval,
    same_completions,
)
from rlaif.metrics.summary import differences, summarize
from rlaif.records import Evaluation


def calling(api: str | None, example: str, number: int = 0) -> Evaluation:
    return Evaluation(
        f"{example}-{number}", example, ast_gorilla=None, hallucinated_gorilla=None, ast_strict=None,
        hallucinated_strict=None, exact_call=None, rouge_l=None, codebleu=None, codebleu_ngram=None,
        codebleu_weighted_ngram=None, codebleu_syntax=None, codebleu_dataflow=None, api=api, verdict="pass", failure="",
    )  # fmt: skip


def row(*apis: str | None) -> list[Evaluation]:
    """One completion an example."""
    return [calling(api, f"e{index:03}") for index, api in enumerate(apis)]


def test_by_hand() -> None:
    evaluations = row("a", "a", "b", "c", None)
    assert distinct_apis(evaluations) == 3
    assert api_entropy(evaluations) == pytest.approx(0.5 * math.log(2) + 2 * 0.25 * math.log(4))
    assert diversity(evaluations).num == 4


def test_the_entropy_of_equal_shares_is_the_logarithm_of_their_number() -> None:
    assert api_entropy(row(*"abcdefgh")) == pytest.approx(math.log(8))
    assert api_entropy(row("a", "a")) == 0
    assert api_entropy(row(None)) is None
    assert entropy_interval(row(None), seed=0) is None
    assert diversity([]).distinct_apis == 0


def test_more_completions_do_not_pass_for_more_diversity() -> None:
    often = [calling(api, "e", number) for number, api in enumerate("abcd")]
    once = [calling("a", "e")]
    first, second = compare(often, once)
    assert (first.num, second.num) == (1, 1)
    assert first.distinct_apis == second.distinct_apis == 1


def test_only_shared_examples_are_compared() -> None:
    first, second = same_completions(row("a", "b", "c"), row("x", "y"))
    assert [one.api for one in first] == ["a", "b"]
    assert [one.api for one in second] == ["x", "y"]


def test_the_interval_covers_the_expected_figure() -> None:
    """Rows of 200 completions drawn from a known distribution: the mean figure at 200 lies in 95% of intervals."""
    generator = np.random.default_rng(0)
    shares = 1 / np.arange(1, 41)
    shares /= shares.sum()
    rows = [row(*map(str, generator.choice(40, size=200, p=shares))) for _ in range(120)]
    expected = np.mean([api_entropy(one) for one in rows])
    intervals = [entropy_interval(one, seed=seed, resamples=200) for seed, one in enumerate(rows)]
    covered = np.mean([one is not None and one.low <= expected <= one.high for one in intervals])
    assert 0.88 <= covered <= 0.99


def test_a_policy_that_retreats_has_a_difference_below_zero() -> None:
    wide, narrow = row(*[str(index % 30) for index in range(150)]), row(*[str(index % 5) for index in range(150)])
    found = entropy_difference(narrow, wide, seed=0, resamples=300)
    assert found is not None
    assert found.mean == pytest.approx(math.log(5) - math.log(30))
    assert found.high < -1.5
    same = entropy_difference(wide, wide, seed=0, resamples=300)
    assert same is not None
    assert (same.low, same.mean, same.high) == (0, 0, 0)
    assert differences(narrow, wide, resamples=300)["api_entropy"] == found


def test_a_summary_has_both() -> None:
    summary = summarize(row("a", "b", None), resamples=100)
    assert (summary.distinct_apis, summary.num_missing["api_entropy"]) == (2, 1)
    assert summary.api_entropy == summary.mean("api_entropy") == pytest.approx(math.log(2))
    assert summary.scalars()["distinct_apis"] == 2
    assert summarize(row(None)).api_entropy is None
    assert "distinct_apis" not in summary.intervals


def test_two_thousand_resamples_take_no_time() -> None:
    evaluations = row(*[str(index % 500) for index in range(900)])
    started = time.process_time()
    entropy_interval(evaluations, seed=0)
    assert time.process_time() - started < 3
