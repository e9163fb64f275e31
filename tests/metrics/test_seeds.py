"""Figures over seeds: what is averaged, what is drawn, and what is tested."""

from __future__ import annotations

import numpy as np
import pytest

from rlaif.metrics.seeds import compare_seeds, summarize_seeds
from rlaif.metrics.statistics import bootstrap_interval, paired_difference
from rlaif.records import Evaluation


def evaluation(example: str, rouge: float | None, passed: bool = True, api: str | None = "f") -> Evaluation:
    return Evaluation(
        sample_id=example, example_id=example, ast_gorilla=None, hallucinated_gorilla=None, ast_strict=passed,
        hallucinated_strict=False, exact_call=None, rouge_l=rouge, codebleu=None, codebleu_ngram=None,
        codebleu_weighted_ngram=None, codebleu_syntax=None, codebleu_dataflow=None, api=api,
        verdict="pass" if passed else "fault", failure="" if passed else "name",
    )  # fmt: skip


def test_intervals_cover_seeds_that_were_not_drawn() -> None:
    """Effects of examples (sd 1) and seeds (sd 0.5): examples alone hold the truth too rarely."""
    covered = narrow = 0
    for number in range(200):
        generator = np.random.default_rng(number)
        scores = generator.normal(size=(1, 60)) + 0.5 * generator.normal(size=(8, 1)) + generator.normal(size=(8, 60))
        over_both = bootstrap_interval(scores, seed=number, resamples=300)
        over_examples = bootstrap_interval(scores.mean(axis=0), seed=number, resamples=300)
        covered += over_both.low <= 0 <= over_both.high
        narrow += over_examples.low <= 0 <= over_examples.high
    assert covered >= 180
    assert narrow <= 172


def test_a_difference_within_seeds_keeps_no_noise_of_seeds() -> None:
    """Each seed's RL starts from that seed's SFT: luck that both share cancels out."""
    generator = np.random.default_rng(0)
    luck = 5 * generator.normal(size=(3, 1))
    sft, ones = luck + generator.normal(size=(3, 200)), np.ones((3, 200))
    gain = paired_difference((sft + 1, ones), (sft, ones), seed=0)
    assert (gain.mean, gain.low, gain.high) == pytest.approx((1, 1, 1))


def test_one_list_stands_beside_every_seed() -> None:
    sft = [[evaluation("a", 0.2), evaluation("b", 0.4)], [evaluation("a", 0.4), evaluation("b", 0.6)]]
    recorded = [[evaluation("a", 0.1), evaluation("b", 0.1)]]
    found = compare_seeds(sft, recorded, flips=100)
    assert found.intervals["rouge_l"].mean == pytest.approx(0.3)
    assert found.tests["rouge_l"].mean == 2 / 4
    assert "codebleu" not in found.intervals and "codebleu" not in found.tests


def test_summary_over_seeds_counts_what_is_missing() -> None:
    summary = summarize_seeds([[evaluation("a", 0.2), evaluation("b", None)], [evaluation("a", 0.4)]])
    assert (summary.num, summary.num_examples, summary.num_missing["rouge_l"]) == (3, 2, 1)
    assert summary.rouge_l == pytest.approx(0.3)
    assert summary.verdicts == {"pass": 3}


def test_who_calls_nothing_has_no_api_and_no_entropy() -> None:
    summary = summarize_seeds([[evaluation("a", 0.2, api=None)]])
    assert summary.mean("distinct_apis") == 0
    assert summary.mean("api_entropy") is None


def test_a_difference_in_diversity_has_its_interval() -> None:
    wide = [[evaluation(str(i), 0.5, api=f"api{i}") for i in range(30)] for _ in range(2)]
    narrow = [[evaluation(str(i), 0.5, api=f"api{i % 3}") for i in range(30)] for _ in range(2)]
    gain = compare_seeds(narrow, wide, flips=10).intervals["distinct_apis"]
    assert gain.mean == -27
    assert gain.low <= -27 <= gain.high


def test_one_score_an_example_has_no_spread_to_test() -> None:
    a, b = [[evaluation("a", 0.2), evaluation("b", 0.4)]], [[evaluation("a", 0.1), evaluation("b", 0.1)]]
    tests = compare_seeds(a, b, flips=100).tests["rouge_l"]
    assert (tests.mean, tests.distributions, tests.combined) == (2 / 4, None, None)
    twice = compare_seeds([*a, *a], [*b, *b], flips=100).tests["rouge_l"]
    assert (twice.distributions, twice.combined) == (2 / 4, 2 / 4)
