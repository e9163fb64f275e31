"""Pairs by hand."""

from __future__ import annotations

import pytest

from rlaif.config import PairConfig
from rlaif.feedback.pairs import PairReport, make_pairs, reference_sample
from rlaif.records import Example, Label, Sample


def sample(id: str, text: str | None = None, example: str = "e", policy: str = "sft") -> Sample:
    return Sample(id, example, text or f"text {id}", policy, 0, "stop")


def pairs_of(scores: dict[str, float | None], config: PairConfig, **texts: str) -> PairReport:
    samples = [sample(id, texts.get(id), policy="reference" if id == "ref" else "sft") for id in scores]
    labels = [Label(id, score, 8) for id, score in scores.items()]
    return make_pairs(samples, labels, config)


def ids(report: PairReport) -> list[tuple[str, str]]:
    return [(pair.chosen_id, pair.rejected_id) for pair in report.pairs]


def test_larger_margins_come_first_and_ties_are_dropped() -> None:
    report = pairs_of({"a": 0.5, "b": 0.9, "c": 0.52}, PairConfig(min_margin=0.05))
    assert ids(report) == [("b", "a"), ("b", "c")]
    assert [pair.margin for pair in report.pairs] == [pytest.approx(0.4), pytest.approx(0.38)]
    assert (report.num_ties, report.num_over_limit, report.num_examples) == (1, 0, 1)
    assert report.pairs[0].chosen == "text b"


def test_a_margin_that_just_reaches_the_minimum_counts() -> None:
    assert len(pairs_of({"a": 0.3, "b": 0.1 + 0.1}, PairConfig(min_margin=0.1)).pairs) == 1


def test_equal_scores_are_a_tie_whatever_the_minimum() -> None:
    report = pairs_of({"a": 0.5, "b": 0.5}, PairConfig(min_margin=0.0))
    assert (report.pairs, report.num_ties, report.num_examples) == ([], 1, 0)


def test_at_most_so_many_an_example() -> None:
    report = pairs_of({"a": 0.0, "b": 0.3, "c": 0.9}, PairConfig(max_per_example=2))
    assert ids(report) == [("c", "a"), ("c", "b")]
    assert report.num_over_limit == 1


def test_equal_margins_go_by_id() -> None:
    scores = {"d": 1.0, "b": 0.5, "a": 0.5, "c": 1.0}
    assert ids(pairs_of(scores, PairConfig())) == [("c", "a"), ("c", "b"), ("d", "a"), ("d", "b")]


def test_samples_without_a_score_and_duplicates_are_counted() -> None:
    report = pairs_of({"a": 0.5, "b": None, "c": 0.9, "d": 0.9}, PairConfig(), c="same", d="same\n")
    assert ids(report) == [("c", "a")]
    assert (report.num_unlabelled, report.num_duplicates) == (1, 1)


def test_the_reference_takes_part_only_where_it_should() -> None:
    scores = {"a": 0.5, "b": 0.6, "ref": 1.0}
    assert ids(pairs_of(scores, PairConfig(with_reference=True))) == [("ref", "a"), ("ref", "b"), ("b", "a")]
    assert ids(pairs_of(scores, PairConfig(with_reference=False))) == [("b", "a")]


def test_examples_are_not_mixed() -> None:
    samples = [sample("a", example="e1"), sample("b", example="e2")]
    assert make_pairs(samples, [Label("a", 0.0, 8), Label("b", 1.0, 8)], PairConfig()).pairs == []


def test_a_reference_as_a_sample() -> None:
    example = Example("e1", "Do it", "<<<code>>>: x", "x()", "d", "p", "train")
    assert reference_sample(example) == Sample("e1/reference", "e1", "\n<<<code>>>: x", "reference", 0, "stop")
