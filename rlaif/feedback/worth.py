"""A judge's whole report: every question and the score against every truth, lengths, orders, and other judges.

All of it as JSON values, which `report.calibration` renders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rlaif.data.completion import parse_completion
from rlaif.feedback.calibration import agreement, calibrate, correlation_with_length
from rlaif.feedback.order_bias import bias_line
from rlaif.feedback.ordering import by_preferences, by_scores, order_estimates, ordering
from rlaif.records import Answer, Label, Preference, Sample

NAN = float("nan")
Truths = Mapping[str, Mapping[str, bool | None]]


@dataclass(frozen=True)
class Judged:
    """Samples, and what a judge said of them; what it said of others is passed over."""

    samples: Sequence[Sample]
    answers: Sequence[Answer]
    labels: Sequence[Label]
    preferences: Sequence[Preference]
    weights: Mapping[str, float]

    @property
    def scores(self) -> dict[str, float | None]:
        return {label.sample_id: label.score for label in self.labels}

    @property
    def questions(self) -> dict[str, dict[str, float | None]]:
        return by_question(self.answers, {sample.id for sample in self.samples})


def by_question(answers: Sequence[Answer], wanted: set[str]) -> dict[str, dict[str, float | None]]:
    """By question, by sample, p(yes). Of several answers to one question (claims) the lowest: all have to hold."""
    found: dict[str, dict[str, float | None]] = {}
    for answer in answers:
        if answer.sample_id not in wanted:
            continue
        of_question = found.setdefault(answer.question_id, {})
        before = of_question.get(answer.sample_id)
        both = [p for p in (before, answer.p_yes) if p is not None]
        of_question[answer.sample_id] = min(both) if both else None
    return found


def worth(
    judged: Judged, truths: Truths, others: Mapping[str, Sequence[Answer]], *, num_bins: int, resamples: int, seed: int
) -> dict[str, Any]:
    """See the module. `others`: by name, the answers of further judges to the same questions."""
    settings = {"seed": seed, "resamples": resamples}
    wanted = {sample.id for sample in judged.samples}
    preferences = [one for one in judged.preferences if {one.first_id, one.second_id} <= wanted]
    order = order_estimates(judged.preferences, seed=seed, resamples=resamples) if judged.preferences else None
    return {
        "num_samples": len(judged.samples),
        "num_examples": len({sample.example_id for sample in judged.samples}),
        "num_answers": len(judged.answers),
        "invalid": _invalid(judged),
        "asks_execution": sorted({one.question_id for one in judged.answers if one.source == "execution"}),
        "truths": {
            name: _against(judged, preferences, truth, num_bins, settings) for name, truth in truths.items()
        },
        "length": _lengths(judged, truths, settings),
        "order": {name: asdict(estimate) for name, estimate in order.items()} if order else None,
        "bias": bias_line(order["gap"].value) if order else None,
        "agreement": {
            name: _agreement(judged, by_question(answers, wanted), settings) for name, answers in others.items()
        },
    }  # fmt: skip


def _invalid(judged: Judged) -> dict[str, int]:
    """By question, the answers that could not be read; of comparisons, those of which an order could not."""
    counts: dict[str, int] = {}
    for answer in judged.answers:
        counts[answer.question_id] = counts.get(answer.question_id, 0) + (answer.p_yes is None)
    if judged.preferences:
        counts["comparisons"] = sum(one.p_first is None for one in judged.preferences)
    return counts


def _against(
    judged: Judged, preferences: Sequence[Preference], truth: Mapping[str, bool | None], num_bins: int,
    settings: dict[str, int],
) -> dict[str, Any]:  # fmt: skip
    told = [sample for sample in judged.samples if truth.get(sample.id) is not None]
    right = [float(bool(truth[sample.id])) for sample in told]
    groups = [sample.example_id for sample in told]

    def of(values: Mapping[str, float | None]) -> dict[str, Any]:
        answered = [at for at, sample in enumerate(told) if sample.id in values]
        p = [_number(values[told[at].id]) for at in answered]
        truths, examples = [right[at] for at in answered], [groups[at] for at in answered]
        return asdict(calibrate(p, truths, examples, num_bins=num_bins, **settings))

    if judged.preferences:
        comparisons = by_preferences(preferences, truth)
        p = [_number(one.p_first) for one in comparisons]
        overall = asdict(
            calibrate(
                p, [float(one.first_is_right) for one in comparisons], [one.example_id for one in comparisons],
                num_bins=num_bins, **settings,
            )
        )  # fmt: skip
    else:
        comparisons = by_scores(told, judged.scores, truth)
        overall = of(judged.scores)
    return {
        "num_known": len(told),
        "num_true": int(sum(right)),
        "num_unknown": len(judged.samples) - len(told),
        "overall": overall,
        "questions": {question: of(values) for question, values in judged.questions.items()},
        "num_compared": len(comparisons),
        "ordering": asdict(ordering(comparisons, **settings)),
    }


def _lengths(judged: Judged, truths: Truths, settings: dict[str, int]) -> dict[str, Any]:
    """Of the questions, the score and, to compare with, of the truths themselves."""
    lengths = [float(len(parse_completion(sample.text).code or "")) for sample in judged.samples]
    groups = [sample.example_id for sample in judged.samples]
    columns: dict[str, Mapping[str, float | None]] = dict(judged.questions)
    if judged.labels:
        columns["score"] = judged.scores
    for name, truth in truths.items():
        columns[name] = {id: None if value is None else float(value) for id, value in truth.items()}
    found = {}
    for name, column in columns.items():
        values = [_number(column.get(sample.id)) for sample in judged.samples]
        estimates = correlation_with_length(values, lengths, groups, **settings)
        found[name] = {kind: asdict(estimate) for kind, estimate in estimates.items()}
    return found


def _agreement(
    judged: Judged, other: Mapping[str, Mapping[str, float | None]], settings: dict[str, int]
) -> dict[str, Any]:
    groups = [sample.example_id for sample in judged.samples]
    found = {}
    for question, answers in judged.questions.items():
        if question in other:
            columns = [
                [_number(values.get(sample.id)) for sample in judged.samples] for values in (answers, other[question])
            ]
            estimates = agreement(columns[0], columns[1], groups, **settings)
            found[question] = {kind: asdict(estimate) for kind, estimate in estimates.items()}
    return found


def _number(value: float | None) -> float:
    return NAN if value is None else float(value)
