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
        ["feedback.pairs.max_length_gap=3"], ["trainer.watch.every=null", "trainer.watch.num_prompts=2"],
    ],
)  # fmt: skip
def test_any_other_key_without_effect_is_told(overrides: list[str]) -> None:
    (warning,) = warnings(*overrides)
    assert warning.startswith(f"{overrides[-1].partition('=')[0]}: only read with ")


@pytest.mark.parametrize(
    "overrides",
    [
        ["data=jsonl,mini", "data.train_file=x", "data.eval_file=y"], ["data=mini,jsonl", "data.train_file=x", "data.eval_file=y"],
        ["feedback=openai", "feedback.openai.model=M", "feedback.openai.input_price=1"], ["policy=gpt2", "policy.path=elsewhere"],
        ["policy=gpt2", "policy.lora.enabled=true", "policy.lora.r=8"], ["trainer.ptx_coef=0,0.1", "trainer.ptx_batch_size=8"],
        ["policy=responses", "policy.responses_file=x", "data.dir=/tmp"], ["experiment=apibench_torchhub", "data.dir=/tmp"],
        ["experiment=smoke", "strong_sft.max_epochs=2"], ["execution=none", "feedback.execute=false", "reward=scalar"],
    ],
)  # fmt: skip
def test_what_some_job_reads_is_neither(overrides: list[str]) -> None:
    assert warnings(*overrides) == []


def declared(kind: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    for field in dataclasses.fields(kind):
        if "read_when" in field.metadata:
            yield f"{prefix}{field.name}", field.metadata["read_when"]
        hint = get_type_hints(kind)[field.name]
        if dataclasses.is_dataclass(hint):
            yield from declared(hint, f"{prefix}{field.name}.")


@pytest.mark.parametrize(("key", "condition"), [*declared(TrainConfig)], ids=[key for key, _ in declared(TrainConfig)])
def test_every_condition_is_about_keys_and_values_that_there_are(key: str, condition: str) -> None:
    (config,) = compose.check_command_line([]) if not CONFIG else CONFIG
    CONFIG[:] = [config]
    holds(condition, config)
    for one in condition.split(" or "):
        name, _, values = one.partition("=")
        value: Any = config
        for part in name.removesuffix("!").split("."):
            value = getattr(value, part)
        if values and isinstance(value, Enum):
            assert set(values.split("|")) <= set(type(value).__members__)


CONFIG: list[TrainConfig] = []


def test_the_options_yaml_files_set_only_what_their_kind_reads() -> None:
    """conf/feedback/openai.yaml has keys below `openai`, conf/policy/tiny.yaml below `scratch`, and none has the others'."""
    for judge in ("static", "openai", "local", "replay"):
        keys = yaml.safe_load((Path(compose.config_dir()) / "feedback" / f"{judge}.yaml").read_text())
        assert {"static", "openai", "local", "replay"} & set(keys) == {judge}
