"""The figures of a judge's worth beside numbers worked out by hand, and beside oracles whose noise is known."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from rlaif.config import QuestionsConfig
from rlaif.feedback.calibration import (
    Bootstrap,
    agreement,
    calibrate,
    correlation_with_length,
    expected_calibration_error,
    midranks,
    pearson,
    spearman,
)
from rlaif.feedback.exchange import Reply, Request, TokenLogprobs
from rlaif.feedback.ordering import Comparison, by_preferences, by_scores, order_estimates, ordering
from rlaif.feedback.strategies import build_strategy
from rlaif.records import Example, Preference, Sample

P = [0.9, 0.8, 0.6, 0.4, 0.3, 0.1, float("nan"), 0.7]
TRUTH = [1, 1, 0, 1, 0, 0, 1, 0]


def values(p: Sequence[float], truth: Sequence[float]) -> dict[str, float | None]:
    found = calibrate(p, truth, range(len(p)), resamples=50)
    return {name: estimate.value for name, estimate in found.figures.items()}


def test_figures_worked_out_by_hand() -> None:
    found = calibrate(P, TRUTH, range(8), resamples=200)
    figures = {name: estimate.value for name, estimate in found.figures.items()}
    assert (found.num, found.num_invalid) == (8, 1)
    assert figures["coverage"] == pytest.approx(7 / 8)
    # Of seven: yes, yes, yes, no, no, no, yes against 1, 1, 0, 1, 0, 0, 0: four agree.
    assert figures["accuracy"] == pytest.approx(4 / 7)
    chance = (4 / 7) * (3 / 7) + (3 / 7) * (4 / 7)
    assert figures["kappa"] == pytest.approx((4 / 7 - chance) / (1 - chance))
    # Of the 3 x 4 twos, 0.4 of a true one is below 0.6 and 0.7 of false ones.
    assert figures["auroc"] == pytest.approx(10 / 12)
    squares = [0.1**2, 0.2**2, 0.6**2, 0.6**2, 0.3**2, 0.1**2, 0.7**2]
    assert figures["brier"] == pytest.approx(sum(squares) / 7)
    assert figures["ece"] == pytest.approx((0.1 + 0.2 + 0.6 + 0.6 + 0.3 + 0.1 + 0.7) / 7)  # one answer a bin


def test_bins_pool_their_answers_before_the_gap_is_taken() -> None:
    p, truth = np.array([0.82, 0.84, 0.86, 0.88, 1.0]), np.array([1.0, 1.0, 1.0, 0.0, 1.0])
    assert expected_calibration_error(p, truth, np.ones((1, 5)))[0] == pytest.approx(4 / 5 * 0.1)
    assert [(one.num, one.share_true) for one in calibrate(p, truth, range(5), resamples=9).bins] == [(4, 0.75), (1, 1)]


def test_ties_count_half() -> None:
    assert values([0.5, 0.5, 0.5, 0.9], [1, 0, 0, 0])["auroc"] == pytest.approx((0.5 + 0.5 + 0) / 3)


def test_what_is_undefined_is_none_and_never_zero() -> None:
    assert values([0.9, 0.2], [1, 1])["auroc"] is None
    assert values([0.9, 0.8], [1, 1])["kappa"] is None
    nothing = values([float("nan")] * 3, [1, 0, 1])
    assert nothing["coverage"] == 0
    assert {nothing[name] for name in ("accuracy", "kappa", "auroc", "brier", "ece")} == {None}


def test_an_invalid_answer_is_not_a_no() -> None:
    with_invalid = values([0.9, 0.8, float("nan"), 0.2], [1, 1, 1, 0])
    assert with_invalid == {**values([0.9, 0.8, 0.2], [1, 1, 0]), "coverage": 0.75}


def test_scores_that_are_no_probabilities_have_only_an_order() -> None:
    assert values([-3.0, -1.0, 0.0], [0, 1, 1]) == {"coverage": 1.0, "auroc": 1.0}


def test_ranks_of_a_draw_are_those_of_the_repeated_rows() -> None:
    drawn = midranks(np.array([3.0, 1.0, 3.0, 2.0]), np.array([[2.0, 1.0, 0.0, 3.0]]))[0]
    # The rows 1, 2, 2, 2, 3, 3.
    assert [drawn[1], drawn[3], drawn[0]] == [1, 3, 5.5]


def test_correlations_by_hand() -> None:
    x, y = np.array([1.0, 2.0, 3.0, 4.0]), np.array([10.0, 30.0, 20.0, 40.0])
    ones = np.ones((1, 4))
    assert spearman(x, y, ones)[0] == pytest.approx(1 - 6 * (0 + 1 + 1 + 0) / (4 * 15))
    assert pearson(x, y, ones)[0] == pytest.approx(40 / math.sqrt(5 * 500))
    assert np.isnan(pearson(x, np.full(4, 2.0), ones)[0])
    found = correlation_with_length([0.9, 0.8, 0.1, float("nan")], [100, 90, 10, 1000], range(4), resamples=20)
    assert found["spearman"].value == pytest.approx(1)
    yes, lengths = np.array([1.0, 1.0, 0.0]), np.array([100.0, 90.0, 10.0])
    assert found["point_biserial"].value == pytest.approx(float(np.corrcoef(yes, lengths)[0, 1]))


def test_agreement_of_two_judges() -> None:
    found = agreement([0.9, 0.2, 0.6, float("nan")], [0.7, 0.1, 0.2, 0.9], range(4), resamples=50)
    figures = {name: estimate.value for name, estimate in found.items()}
    chance = (2 / 3) * (1 / 3) + (1 / 3) * (2 / 3)
    assert figures == {
        "both_valid": 0.75,
        "agree": pytest.approx(2 / 3),
        "kappa": pytest.approx((2 / 3 - chance) / (1 - chance)),
        "spearman": pytest.approx(1.0),  # 0.9 > 0.6 > 0.2 and 0.7 > 0.2 > 0.1
    }


def test_an_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(3)
    hits = 0
    for seed in range(80):
        right = generator.random(120) < 0.7
        estimate = Bootstrap(range(120), seed=seed, resamples=200).estimate(lambda w, r=right: w @ r / w.sum(axis=1))
        assert estimate.low is not None and estimate.high is not None
        hits += estimate.low <= 0.7 <= estimate.high
    assert hits / 80 >= 0.87


def test_samples_of_one_example_do_not_pass_for_independent_ones() -> None:
    right = np.repeat(np.arange(40) % 2, 8)

    def width(examples: Sequence[int]) -> float:
        estimate = Bootstrap(examples, resamples=500).estimate(lambda weights: weights @ right / weights.sum(axis=1))
        return (estimate.high or 0) - (estimate.low or 0)

    together, apart = width(np.repeat(np.arange(40), 8).tolist()), width(range(320))
    assert together / apart == pytest.approx(math.sqrt(8), rel=0.2)


@pytest.mark.parametrize(("noise", "sure"), [(0.1, 0.9), (0.2, 0.9), (0.35, 0.95)])
def test_an_oracle_with_known_noise(noise: float, sure: float) -> None:
    """kappa = 1 - 2 noise where half is true; ECE = |sure - (1 - noise)|: within 0.02."""
    generator = np.random.default_rng(11)
    truth = generator.random(8_000) < 0.5
    says_yes = truth ^ (generator.random(8_000) < noise)
    p = np.where(says_yes, sure, 1 - sure)
    found = calibrate(p, truth, range(8_000), resamples=10).figures
    assert found["kappa"].value == pytest.approx(1 - 2 * noise, abs=0.02)
    assert found["ece"].value == pytest.approx(abs(sure - (1 - noise)), abs=0.02)
    assert found["brier"].value == pytest.approx((1 - noise) * (1 - sure) ** 2 + noise * sure**2, abs=0.02)


def test_an_oracle_asked_through_a_strategy(shipped: Callable[..., QuestionsConfig], example: Example) -> None:
    """The whole way: prompts, log-probabilities, answers, labels. Every fifth answer is wrong, said with 0.9."""
    samples = [Sample(f"s{n}", example.id, f"<<<code>>>: x = {n}", "sft", 0, "stop") for n in range(300)]
    truth = [number % 2 == 0 for number in range(300)]

    def ask(requests: Sequence[Request]) -> list[Reply | None]:
        return [oracle(request) for request in requests]

    def oracle(request: Request) -> Reply:
        line = next(line for line in request.messages[1][1].splitlines() if line.startswith('{"code"'))
        number = int(json.loads(line)["code"].split("=")[1])
        yes = truth[number] ^ (number % 5 == 0)
        p = 0.9 if yes else 0.1
        top = (("yes", math.log(p)), ("no", math.log(1 - p)))
        return Reply(("yes" if yes else "no",), (TokenLogprobs("yes" if yes else "no", top),), model="oracle")

    judgement = build_strategy(shipped("binary8"), 6).judge(samples, {example.id: example}, ask)
    scores = [label.score for label in judgement.labels]
    found = calibrate(scores, truth, [sample.id for sample in samples], resamples=10).figures  # type: ignore[arg-type]
    assert found["kappa"].value == pytest.approx(0.6, abs=0.02)
    assert found["ece"].value == pytest.approx(0.1, abs=0.02)


def test_ordering_by_scores_and_by_preferences() -> None:
    samples = [Sample(f"s{n}", "e1", "", "sft", 0, "stop") for n in range(4)]
    truths = {"s0": True, "s1": False, "s2": False, "s3": None}
    compared = by_scores(samples, {"s0": 0.5, "s1": 0.5, "s2": 0.1, "s3": 1.0}, truths)
    assert compared == [Comparison("e1", 0.5, True), Comparison("e1", 1.0, True)]
    assert ordering(compared, resamples=20).value == 0.75
    said = [
        Preference("e1", "s0", "s1", 0.2, "logprobs", 0.1),
        Preference("e1", "s2", "s0", 0.3, "logprobs", 0.1),
        Preference("e1", "s0", "s2", None, "text", None, invalid="empty"),
        Preference("e1", "s1", "s2", 0.9, "logprobs", 0.1),
    ]
    assert ordering(by_preferences(said, truths), resamples=20).value == 0.5
    assert ordering([], resamples=20).value is None


def test_order_flips_from_preferences() -> None:
    said = [
        Preference("e1", "a", "b", 0.55, "logprobs", 0.2),  # 0.65 and 0.45: the orders prefer different ones
        Preference("e2", "a", "b", 0.9, "logprobs", 0.2),
        Preference("e3", "a", "b", None, "text", None, invalid="empty"),
    ]
    found = order_estimates(said, resamples=100)
    assert (found["gap"].value, found["flips"].value) == (pytest.approx(0.2), 0.5)
    assert (found["flips"].low, found["flips"].high) == (0, 1)
    assert order_estimates([])["gap"].value is None


def test_figures_beside_scikit_learn() -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(5)
    p, truth = generator.random(300).round(1), generator.random(300) < 0.4
    found = values(p.tolist(), truth.tolist())
    assert found["auroc"] == pytest.approx(sklearn.roc_auc_score(truth, p))
    assert found["kappa"] == pytest.approx(sklearn.cohen_kappa_score(truth, p >= 0.5))
    assert found["brier"] == pytest.approx(sklearn.brier_score_loss(truth, p))
