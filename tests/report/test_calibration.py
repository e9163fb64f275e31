"""The report on a judge: what it holds, what it names, and what it never takes for a no."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rlaif.feedback.worth import Judged, worth
from rlaif.records import Answer, Label, Preference, Sample
from rlaif.report.calibration import draw, headline, render_markdown

SAMPLES = [
    Sample(f"e{e}/{n}", f"e{e}", f"<<<code>>>: {'x' * (10 + n)} = {e}", "sft", 0, "stop")
    for e in range(40)
    for n in range(2)
]
TRUTH: dict[str, bool | None] = {sample.id: index % 3 == 0 for index, sample in enumerate(SAMPLES)}


def report_on(judged: Judged, others: dict[str, list[Answer]] | None = None) -> dict[str, Any]:
    truths = {"executability": TRUTH, "ast_match": {sample.id: None for sample in SAMPLES}}
    found = worth(judged, truths, others or {}, num_bins=10, resamples=50, seed=0)
    canaries = {
        "num": 16, "num_through": 3, "num_unreadable": 0, "num_twins_preferred": 1,
        "rate": {"value": 0.1875, "low": 0.066, "high": 0.43}, "channels": {"comment": {"num_through": 3, "num": 16}},
    }  # fmt: skip
    return {"judge": "openai", "questions": "binary8 v1", "strategy": "binary", **found, "canaries": canaries}


def answers(invalid_every: int = 0) -> list[Answer]:
    found = []
    for index, sample in enumerate(SAMPLES):
        p = None if invalid_every and index % invalid_every == 0 else 0.9 if TRUTH[sample.id] else 0.2
        found.append(Answer(sample.id, "runs", p, "m", "text"))
    return found


def test_a_scoring_judge(tmp_path: Path) -> None:
    said = answers(invalid_every=8)
    labels = [Label(one.sample_id, one.p_yes, 1) for one in said]
    report = report_on(Judged(SAMPLES, said, labels, [], {"runs": 1.0}), {"static": answers()})
    part = report["truths"]["executability"]
    assert (part["num_known"], part["num_true"], part["overall"]["num_invalid"]) == (80, 27, 10)
    figures = {name: one["value"] for name, one in part["questions"]["runs"]["figures"].items()}
    assert figures["coverage"] == pytest.approx(70 / 80)
    assert (figures["kappa"], figures["auroc"], part["ordering"]["value"]) == (1, 1, 1)
    assert report["truths"]["ast_match"]["num_known"] == 0
    assert report["agreement"]["static"]["runs"]["kappa"]["value"] == 1
    assert report["invalid"] == {"runs": 10}
    text = render_markdown(report)
    assert "3 of 16 got through" in text and "never a no" in text and "judge static" in text
    assert "10 invalid answers; 3 of 16 canaries got through" in headline(report)
    draw(report, tmp_path / "calibration.png")
    assert (tmp_path / "calibration.png").read_bytes().startswith(b"\x89PNG")


def test_a_judge_that_compares_with_a_bias_for_the_order() -> None:
    """20 points for what is shown first: named, and under one point of it left in the preferences."""
    said = []
    for number in range(40):
        one, other = SAMPLES[2 * number], SAMPLES[2 * number + 1]
        p = 0.7 if TRUTH[one.id] else 0.3 if TRUTH[other.id] else 0.5
        shown_first, shown_second = p + 0.1, p - 0.1
        both = (shown_first + shown_second) / 2
        said.append(Preference(one.example_id, one.id, other.id, both, "logprobs", shown_first - shown_second))
        assert abs(both - p) < 0.01
    report = report_on(Judged(SAMPLES, [], [], said, {}))
    assert report["order"]["gap"]["value"] == pytest.approx(0.2)
    assert "Order bias: the judge is biased by 20 points for what it is shown first" in render_markdown(report)
    part = report["truths"]["executability"]
    assert part["ordering"]["value"] == 1 and part["overall"]["num"] == part["num_compared"] == 27


def test_counted_claims_are_no_probabilities_and_the_lowest_of_several_answers_counts(tmp_path: Path) -> None:
    said = [Answer("e0/0", "api", 0.9, "m", "text"), Answer("e0/0", "api", 0.1, "m", "text")]
    labels = [Label(sample.id, -1.0 if TRUTH[sample.id] else -3.0, 4) for sample in SAMPLES]
    judged = Judged(SAMPLES, said, labels, [], {})
    assert judged.questions == {"api": {"e0/0": 0.1}}
    report = report_on(judged)
    assert set(report["truths"]["executability"]["overall"]["figures"]) == {"coverage", "auroc"}
    draw(report, tmp_path / "calibration.png")
