"""What decides a stage's address, and what does not."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from rlaif import compose, pipeline
from rlaif.config import TrainConfig
from rlaif.errors import UserError
from rlaif.runs import Run

INPUTS = {"data": "digest of the data"}


def addresses(*overrides: str, inputs: dict[str, str] = INPUTS) -> dict[str, str]:
    compose.register_schema()
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(compose.config_dir()), version_base="1.3"):
        config = compose.to_config(hydra_compose("train", overrides=list(overrides)))
    return {step.stage.name: step.fingerprint for step in pipeline.plan(config, inputs)}


def changed(*overrides: str) -> set[str]:
    before, after = addresses(), addresses(*overrides)
    return {stage for stage in before if before[stage] != after.get(stage)}


AFTER_PPO = {"ppo", "evaluate_rl", "table", "report"}
TRAINED = {"sft", "evaluate_sft", "sample", "label", "calibrate", "pair", "reward", *AFTER_PPO}


@pytest.mark.parametrize(
    ("override", "stages"),
    [
        ("trainer.kl_coef=0.5", AFTER_PPO),
        *((key, set()) for key in (
            "trainer.save_every=1", "trainer.micro_batch_size=1", "trainer.generation_batch_size=1",
            "trainer.max_tokens_per_micro_batch=100", "trainer.logprob_chunk_size=10",
            "trainer.gradient_checkpointing=true", "feedback.sampling.batch_size=1", "evaluation.batch_size=1",
            "feedback.local.batch_size=1", "data.hub_id=elsewhere", "data.train_file=elsewhere.jsonl",
        )),
        ("trainer.rollout_batch_size=32", AFTER_PPO),
        ("trainer.num_rollouts=5", AFTER_PPO),
        ("reward.batch_size=5", {"reward", *AFTER_PPO}),
        ("policy.sft.batch_size=5", TRAINED),
        ("reward.terms.executability=0", AFTER_PPO),
        ("reward.learning_rate=0.1", {"reward", *AFTER_PPO}),
        ("feedback.pairs.min_margin=0.5", {"pair", "reward", *AFTER_PPO}),
        ("feedback.sampling.temperature=0.5", {"sample", "label", "calibrate", "pair", "reward", *AFTER_PPO}),
        ("feedback.calibration.num_bins=5", {"calibrate", "table", "report"}),
        ("feedback.injection.strip_comments=true", {"label", "calibrate", "pair", "reward", *AFTER_PPO}),
        ("policy.sft.learning_rate=0.1", TRAINED),
        ("seed=1", {*TRAINED}),
        ("evaluation.temperature=0", {"evaluate_sft", "evaluate_rl", "table", "report"}),
        ("execution.num_workers=1", set()),
        ("tracking=none", set()),
        ("runs_dir=elsewhere", set()),
        ("name=other", set()),
        ("data.mini.seed=5", {"data", "evaluate_references", *TRAINED}),
    ],
)
def test_a_key_changes_the_stages_that_read_it(override: str, stages: set[str]) -> None:
    assert changed(override) == stages


def test_content_decides_not_the_place() -> None:
    torchhub = ("experiment=apibench_torchhub",)
    assert addresses(*torchhub, "data.dir=/a") == addresses(*torchhub, "data.dir=/b")
    assert addresses(*torchhub) != addresses(*torchhub, inputs={"data": "another digest"})


def test_a_reward_without_a_model_trains_none() -> None:
    stages = addresses("reward.terms.model=0", "reward.terms.executability=1")
    assert "reward" not in stages and "label" not in stages
    assert "ppo" in stages


STRONG = {"best_of_n", "strong_sft", "evaluate_strong_sft"}


def test_strong_sft_is_off_by_default_and_takes_rlaifs_labels() -> None:
    without, with_it = addresses(), addresses("strong_sft.enabled=true")
    assert not STRONG & set(without)
    assert set(with_it) == set(without) | STRONG
    assert {stage for stage in without if without[stage] != with_it[stage]} == {"table", "report"}
    lower = addresses("strong_sft.enabled=true", "strong_sft.learning_rate_factor=0.1")
    assert {stage for stage in lower if lower[stage] != with_it[stage]} == {
        "strong_sft", "evaluate_strong_sft", "table", "report",
    }  # fmt: skip
    assert "label" in addresses("strong_sft.enabled=true", "reward.terms.model=0", "reward.terms.executability=1")


def test_recorded_answers_need_no_training() -> None:
    stages = addresses("policy=responses", "policy.responses_file=answers.jsonl")
    assert list(stages) == ["data", "evaluate_references", "evaluate_responses", "table", "report"]


def test_the_table_alone_makes_no_report() -> None:
    assert set(addresses()) - set(addresses("stage=table")) == {"report"}


def test_an_unknown_stage_is_one_line_that_lists_them() -> None:
    with pytest.raises(UserError, match=r"stage=sfft: no such stage here; one of data, .*sft.*table"):
        addresses("stage=sfft")


def test_gorillas_row_from_its_recorded_answers(apibench_dir: Path, tmp_path: Path) -> None:
    """policy=responses on the real files: the reference rows are right and Gorilla's are in between."""
    subprocess.run(
        [
            *(sys.executable, "-m", "rlaif.train", "data=apibench_torchhub", f"data.dir={apibench_dir}"),
            *("policy=responses", "execution=none", "feedback.execute=false", "tracking=none", f"runs_dir={tmp_path}"),
        ],
        check=True,
        capture_output=True,
    )
    page = next((tmp_path / "report").glob("*/report.html")).read_text()
    assert "Not run, so nothing is claimed of it: references, recorded answers." in page
    with next((tmp_path / "table").glob("*/table.csv")).open() as file:
        rows = {row["row"]: row for row in csv.DictReader(file)}
    assert int(rows["recorded answers"]["num"]) == int(rows["references"]["num"]) == 186
    assert 0.7 < float(rows["recorded answers"]["ast_strict"]) < 0.9
    assert float(rows["references"]["ast_strict"]) > 0.99
    assert rows["recorded answers"]["executability"] == ""  # nothing was run, so nothing is claimed


def small_job(runs_dir: Path) -> tuple[TrainConfig, list[pipeline.Step]]:
    """The stage that reads the embedded data."""
    (config,) = compose.check_command_line([f"runs_dir={runs_dir}", "stage=data", "data.mini.train_per_api=2"])
    return config, pipeline.plan(config, INPUTS)


class Recorded:
    """A tracker that notes whether a stage's lock could be had while its result was uploaded."""

    def __init__(self, runs_dir: Path) -> None:
        self.runs_dir = runs_dir
        self.was_free: list[bool] = []

    def finish_stage(self, stage: str, run: Run) -> None:
        lock = FileLock(self.runs_dir / stage / ".locks" / f"{run.fingerprint}.lock", is_singleton=False)
        with lock.acquire(timeout=0):
            self.was_free.append(lock.is_locked)


def test_others_are_not_kept_waiting_by_a_finished_stage(tmp_path: Path) -> None:
    """Neither by an upload nor by whoever holds the lock: what is done is read without it."""
    config, steps = small_job(tmp_path)
    tracker: Any = Recorded(tmp_path)
    said: list[str] = []
    pipeline.execute(config, steps, tracker, said.append)
    with FileLock(tmp_path / "data" / ".locks" / f"{steps[0].fingerprint}.lock"):
        tracker.finish_stage = lambda stage, run: None
        pipeline.execute(config, steps, tracker, said.append)
    assert tracker.was_free == [True]
    directory = f"{tmp_path}/data"
    assert [line.rpartition("/")[0] for line in said] == [f"[1/1] data: {directory}", f"[1/1] data: reused {directory}"]
