"""Scores by hand."""

from __future__ import annotations

import pytest

from rlaif.feedback.scoring import QuestionRate, question_rates, score_samples
from rlaif.records import Answer, Label

WEIGHTS = {"a": 1.0, "b": 2.0, "c": 1.0}


def answer(sample: str, question: str, p_yes: float | None) -> Answer:
    return Answer(sample, question, p_yes, "judge", "text", invalid="" if p_yes is not None else "garbage")


def test_the_score_is_the_weighted_mean_of_the_valid_answers() -> None:
    answers = [answer("s", "a", 1.0), answer("s", "b", 0.25), answer("s", "c", None), answer("t", "a", 0.0)]
    labels = score_samples(answers, WEIGHTS, min_valid=1)
    assert labels == [Label("s", pytest.approx((1 * 1.0 + 2 * 0.25) / 3), 2), Label("t", 0.0, 1)]


def test_too_few_valid_answers_give_no_score() -> None:
    answers = [answer("s", "a", 1.0), answer("s", "b", None), answer("s", "c", None)]
    assert score_samples(answers, WEIGHTS, min_valid=2) == [Label("s", None, 1)]


def test_answers_without_weight_give_no_score() -> None:
    assert score_samples([answer("s", "a", 1.0)], {"a": 0.0}, min_valid=1) == [Label("s", None, 1)]


def test_an_invalid_answer_is_not_a_no() -> None:
    with_invalid = score_samples([answer("s", "a", 1.0), answer("s", "b", None)], WEIGHTS, 1)
    with_no = score_samples([answer("s", "a", 1.0), answer("s", "b", 0.0)], WEIGHTS, 1)
    assert (with_invalid[0].score, with_no[0].score) == (1.0, pytest.approx(1 / 3))


def test_rates_by_question() -> None:
    answers = [answer("s", "a", 1.0), answer("t", "a", 0.5), answer("s", "b", None)]
    assert question_rates(answers) == [QuestionRate("a", 0.75, 2, 0), QuestionRate("b", None, 0, 1)]
