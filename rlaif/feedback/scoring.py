"""Answers to scores: S(t, o), one number a sample, and what the judge said to each question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rlaif.records import Answer, Label


@dataclass(frozen=True)
class QuestionRate:
    """How one question was answered over all samples."""

    question_id: str
    mean_p_yes: float | None
    """Over the valid answers; None where there is none."""
    num_valid: int
    num_invalid: int


def score_samples(answers: Sequence[Answer], weights: Mapping[str, float], min_valid: int) -> list[Label]:
    """One label a sample, in the order in which the samples first appear.

        S(t, o) = sum_q w_q p_yes(q) / sum_q w_q,   q over the valid answers

    An invalid answer is left out of both sums. Fewer than `min_valid` valid answers, or only
    ones of weight 0, give the score None.

    Args:
        weights: Weight by question id, of all questions that the answers name.
    """
    by_sample: dict[str, list[Answer]] = {}
    for answer in answers:
        by_sample.setdefault(answer.sample_id, []).append(answer)
    return [_label(sample_id, group, weights, min_valid) for sample_id, group in by_sample.items()]


def _label(sample_id: str, answers: Sequence[Answer], weights: Mapping[str, float], min_valid: int) -> Label:
    valid = [(weights[answer.question_id], answer.p_yes) for answer in answers if answer.p_yes is not None]
    total = sum(weight for weight, _ in valid)
    if len(valid) < min_valid or total == 0:
        return Label(sample_id, None, len(valid))
    return Label(sample_id, sum(weight * p_yes for weight, p_yes in valid) / total, len(valid))


def question_rates(answers: Sequence[Answer]) -> list[QuestionRate]:
    """Per question, in the order in which the questions first appear."""
    by_question: dict[str, list[Answer]] = {}
    for answer in answers:
        by_question.setdefault(answer.question_id, []).append(answer)
    return [_rate(question_id, group) for question_id, group in by_question.items()]


def _rate(question_id: str, answers: Sequence[Answer]) -> QuestionRate:
    valid = [answer.p_yes for answer in answers if answer.p_yes is not None]
    mean = sum(valid) / len(valid) if valid else None
    return QuestionRate(question_id, mean, len(valid), len(answers) - len(valid))
