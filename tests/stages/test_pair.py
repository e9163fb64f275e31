"""What the pair stage says where there is no pair."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rlaif import compose
from rlaif.errors import UserError
from rlaif.pipeline import StageContext
from rlaif.records import Answer, Example, Label, Sample, write_records
from rlaif.runs import Run
from rlaif.stages import artifacts, pair


@pytest.fixture
def run_with(tmp_path: Path) -> Any:
    """Runs the stage on two samples of one example, with these scores and what the judge said."""

    def run(scores: list[float | None], invalid: str) -> None:
        runs = {name: Run(name, "f", tmp_path / name) for name in ("data", "sample", "label", "pair")}
        for one in runs.values():
            one.directory.mkdir()
        samples = [Sample(f"s{number}", "e", f"text {number}", "sft", 0, "stop") for number in range(len(scores))]
        answers = [Answer(one.id, "q", None if invalid else 0.5, "m", "text", "", invalid) for one in samples]
        labels = [Label(one.id, score, 1) for one, score in zip(samples, scores, strict=True)]
        write_records(runs["data"].directory / artifacts.EXAMPLES, [Example("e", "i", "r", "f()", "d", "", "train")])
        write_records(runs["sample"].directory / artifacts.SAMPLES, samples)
        write_records(runs["label"].directory / artifacts.ANSWERS, answers)
        write_records(runs["label"].directory / artifacts.LABELS, labels)
        write_records(runs["label"].directory / artifacts.PREFERENCES, [])
        (config,) = compose.check_command_line(["feedback.pairs.with_reference=false"])
        pair.run(StageContext(config, runs["pair"], runs, SimpleNamespace()))  # type: ignore[arg-type]

    return run


def test_unreadable_answers_are_not_mended_by_another_margin(run_with: Any) -> None:
    with pytest.raises(UserError, match=r"2 without a readable answer.* cut off within a thought") as error:
        run_with([None, None], "cut off within a thought")
    assert "max_answer_tokens" in str(error.value) and "min_margin" not in str(error.value)
    assert "\n" not in str(error.value)


def test_ties_are_mended_by_one(run_with: Any) -> None:
    with pytest.raises(UserError, match=r"1 ties, 0 without a readable answer.* lower feedback.pairs.min_margin"):
        run_with([0.5, 0.5], "")
