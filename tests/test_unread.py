"""A key that has no effect is refused where it names something to be used, and told where it does not."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import yaml

from rlaif import compose
from rlaif.config import TrainConfig
from rlaif.errors import UserError
from rlaif.unread import holds


def warnings(*overrides: str) -> list[str]:
    composer = compose.Composer()
    composer.check(composer.spelled(overrides))
    return composer.warnings


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        (["data.train_file=x"], ["data.train_file", "data.source=jsonl", "data.source=mini", "data=jsonl"]),
        (["data.eval_file=x", "data=apibench_torchhub"], ["data.eval_file", "data.source=apibench"]),
        (["data.dir=gorilla/data"], ["data.dir", "data=apibench_torchhub"]),
        (["data.hub_id=me/mine"], ["data.hub_id", "data.source=apibench"]),
        (["++data.database_file=x"], ["data.database_file"]),
        (["feedback.openai.model=M"], ["feedback.openai.model", "feedback.judge=static", "feedback=openai"]),
        (["feedback.openai.base_urls=[http://a,http://b]"], ["feedback.openai.base_urls"]),
        (["feedback.local.path=M"], ["feedback.local.path", "feedback=local"]),
        (["feedback.replay.path=M"], ["feedback.replay.path", "feedback=replay"]),
        (["policy.path=gpt2"], ["policy.path", "policy.kind=scratch", "policy=gpt2"]),
        (["data=mini,apibench_torchhub", "data.train_file=x"], ["data.train_file"]),
    ],
)
def test_what_names_something_that_is_not_used_is_refused(overrides: list[str], parts: list[str]) -> None:
    with pytest.raises(UserError) as error:
        compose.check_command_line(overrides)
    assert "\n" not in str(error.value)
    for part in parts:
        assert part in str(error.value)


@pytest.mark.parametrize(
    "overrides",
    [
        ["policy.lora.r=8"], ["strong_sft.max_epochs=3"], ["policy=gpt2", "policy.scratch.width=96"],
        ["trainer.ptx_batch_size=8"], ["tracking=none", "tracking.project=x"], ["policy.revision=abc"],
        ["data.seeded_eval_fraction=0.5"], ["reward=scalar_and_run", "reward.terms.model=0", "reward.max_epochs=9"],
        ["feedback.pairs.max_length_gap=3"], ["data.train_file=null"], ["policy.path=null"],
        ["trainer.watch.every=null", "trainer.watch.num_prompts=2"],
    ],
)  # fmt: skip
def test_any_other_key_without_effect_is_told(overrides: list[str]) -> None:
    (warning,) = warnings(*overrides)
    assert warning.startswith(f"{overrides[-1].partition('=')[0]}: only read with ")


@pytest.mark.parametrize(
    "overrides",
    [
        ["data=jsonl,mini", "data.train_file=x", "data.eval_file=y"],
        ["data=mini,jsonl", "data.train_file=x", "data.eval_file=y"],
        ["feedback=openai", "feedback.openai.model=M", "feedback.openai.input_price=1"],
        ["policy=gpt2", "policy.path=elsewhere"],
        ["policy=gpt2", "policy.lora.enabled=true", "policy.lora.r=8"],
        ["trainer.ptx_coef=0,0.1", "trainer.ptx_batch_size=8"],
        ["policy=responses", "policy.responses_file=x", "data.dir=/tmp"],
        ["experiment=apibench_torchhub", "data.dir=/tmp"],
        ["experiment=smoke", "strong_sft.max_epochs=2"],
        ["execution=none", "feedback.execute=false", "reward=scalar"],
    ],
)
def test_what_some_job_reads_is_neither(overrides: list[str]) -> None:
    assert warnings(*overrides) == []


def declared(kind: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    for field in dataclasses.fields(kind):
        if "read_when" in field.metadata:
            yield f"{prefix}{field.name}", field.metadata["read_when"]
        hint = get_type_hints(kind)[field.name]
        if dataclasses.is_dataclass(hint):
            yield from declared(hint, f"{prefix}{field.name}.")


def test_every_condition_is_about_keys_and_values_that_there_are() -> None:
    (config,) = compose.check_command_line([])
    conditions = [*declared(TrainConfig)]
    assert len(conditions) > 40
    for key, condition in conditions:
        holds(condition, config)
        for one in condition.split(" or "):
            name, _, values = one.partition("=")
            value: Any = config
            for part in name.removesuffix("!").split("."):
                value = getattr(value, part)
            if values and isinstance(value, Enum):
                assert set(values.split("|")) <= set(type(value).__members__), key


def test_the_yaml_of_a_judge_sets_only_what_that_judge_reads() -> None:
    judges = {"static", "openai", "local", "replay"}
    for judge in judges:
        keys = yaml.safe_load((compose.config_dir() / "feedback" / f"{judge}.yaml").read_text())
        assert judges & set(keys) == {judge}


OWN = "# @package _global_\ndata: {{train_file: x, eval_file: y}}\nstrong_sft: {{max_epochs: 2}}\n{rest}"


def test_an_experiment_that_contradicts_itself_is_refused_and_one_that_is_varied_is_not(tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "wrong.yaml").write_text(OWN.format(rest=""))
    (tmp_path / "experiment" / "right.yaml").write_text(OWN.format(rest="defaults:\n  - override /data: jsonl\n"))
    with pytest.raises(UserError, match=r"^data\.train_file: only read with data\.source=jsonl.*experiment/wrong"):
        compose.check_command_line(["experiment=wrong"], directory=tmp_path)
    compose.check_command_line(["experiment=wrong", "data=jsonl"], directory=tmp_path)
    compose.check_command_line(["experiment=right"], directory=tmp_path)
    compose.check_command_line(["experiment=right", "data=mini"], directory=tmp_path)  # the user varies it
