"""What would end a run after hours is refused before its first stage."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlaif import compose, pipeline, runs
from rlaif.config import TrainConfig
from rlaif.errors import UserError
from rlaif.readiness import require_judge

OPENAI = ("feedback=openai", "feedback.openai.model=m")
LOCALHOST = (*OPENAI, "feedback.openai.base_url=http://localhost:1/v1")
ONE_QUESTION = "questions.questions=[{id:a,text:Is it?,analysis:%s}]"


def config_of(*overrides: str) -> TrainConfig:
    (config,) = compose.check_command_line([*overrides])
    return config


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (("feedback.pairs.min_margin=1.5",), "min_margin: 1.5 is above 1.0"),
        ((*LOCALHOST, "questions=pairwise", "feedback.pairs.min_margin=0.6"), "min_margin: 0.6 is above 0.5"),
        ((*LOCALHOST, "questions=pairwise_cot", "feedback.pairs.min_margin=0.6"), "min_margin: 0.6 is above 0.5"),
        ((*LOCALHOST, "questions=direct_score", "feedback.pairs.min_margin=2"), "min_margin: 2.0 is above 1.0"),
        ((ONE_QUESTION % "nosuch", "feedback.min_valid=1"), "a names no analysis ('nosuch')"),
        ((ONE_QUESTION % "''", "feedback.min_valid=1"), "a names no analysis"),
        ((*LOCALHOST, "questions.questions=[{id:a,text:' '}]", "feedback.min_valid=1"), "without a text"),
        ((*OPENAI, "feedback.openai.base_url=localhost"), "'localhost' is no address"),
        ((*OPENAI, "feedback.openai.base_url='ftp://host/v1'"), "'ftp://host/v1' is no address"),
        ((*OPENAI, "feedback.openai.base_url='http://[::1'"), "'http://[::1' is no address"),
        ((*OPENAI, "feedback.openai.base_urls=['http://host/v1','']"), "'' is no address"),
    ],
)
def test_what_no_stage_could_use_is_refused(overrides: tuple[str, ...], said: str) -> None:
    with pytest.raises(UserError) as error:
        config_of(*overrides)
    assert said in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "overrides",
    [
        ("feedback.pairs.min_margin=1",),
        ("feedback.pairs.min_margin=3", "feedback.pairs.rule=all"),  # which reads no margin
        (*LOCALHOST, "questions=claims", "feedback.pairs.min_margin=2"),
        (*OPENAI, "feedback.openai.base_urls=['https://host/v1','http://127.0.0.1:8000']"),
    ],
)
def test_what_stages_can_use_is_accepted(overrides: tuple[str, ...]) -> None:
    config_of(*overrides)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (OPENAI, "OPENAI_API_KEY is not set"),
        (("feedback=local", "feedback.local.path={tmp}/nothing"), "feedback.local.path: "),
        (("feedback=local", "feedback.local.path={tmp}"), "feedback.local.path: "),
        (("feedback=replay", "feedback.replay.path={tmp}/nothing"), "feedback.replay.path: there is nothing at"),
        (("feedback=replay", "feedback.replay.path={tmp}"), "feedback.replay.path: no record"),
    ],
)
def test_a_judge_that_cannot_answer_is_told_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overrides: tuple[str, ...], said: str
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    config = config_of(*(one.format(tmp=tmp_path) for one in overrides), f"runs_dir={tmp_path}/runs")
    steps = pipeline.plan(config, {})
    with pytest.raises(UserError) as error:
        require_judge(config, steps)
    assert said in str(error.value) and "\n" not in str(error.value)

    before = [step for step in steps if step.stage.name in ("data", "sft", "sample")]
    require_judge(config, before)  # asks no judge
    label = next(step for step in steps if step.stage.name == "label")
    run = runs.find(Path(config.runs_dir), "label", label.name, label.fingerprint)
    run.directory.mkdir(parents=True)
    (run.directory / "DONE").touch()
    require_judge(config, steps)  # has been asked
