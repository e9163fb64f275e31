"""Every number of every config has bounds at its field, and what lies outside of them is one line."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import math
from collections.abc import Iterator
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from rlaif import compose
from rlaif.check import check
from rlaif.config import TrainConfig, TrainerConfig
from rlaif.errors import UserError
from rlaif.feedback.strategies import strategy_names
from rlaif.fields import Bounds, kinds_of
from rlaif.rl.config import PPOConfig
from rlaif.stages.ppo import NAMES

STRATEGY_OPTIONS = [importlib.import_module(f"rlaif.feedback.strategies.{name}").Options for name in strategy_names()]


def numbers(kind: type, prefix: str = "") -> Iterator[tuple[str, dataclasses.Field[Any], tuple[Any, ...]]]:
    """Every int and float field of a dataclass and those inside, with its dotted key and types."""
    hints = get_type_hints(kind)
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        inner = get_args(hint)[0] if get_origin(hint) is list else hint
        if dataclasses.is_dataclass(inner):
            yield from numbers(inner, f"{prefix}{field.name}{'[0]' if inner is not hint else ''}.")
        elif {int, float} & set(kinds_of(hint)):
            yield f"{prefix}{field.name}", field, kinds_of(hint)


ALL = [
    *numbers(TrainConfig),
    *numbers(PPOConfig, "PPOConfig."),
    *(row for kind in STRATEGY_OPTIONS for row in numbers(kind)),
]


def test_there_are_numbers() -> None:
    assert len(ALL) > 130


@pytest.mark.parametrize(("key", "field"), [(key, field) for key, field, _ in ALL], ids=[key for key, *_ in ALL])
def test_every_number_has_bounds(key: str, field: dataclasses.Field[Any]) -> None:
    bounds = field.metadata.get("bounds")
    assert isinstance(bounds, Bounds), f"{key}: no bounds at the field"
    assert bounds.gt is not None or bounds.ge is not None, f"{key}: no number is too small?"


@pytest.fixture(scope="module")
def composed() -> TrainConfig:
    (config,) = compose.check_command_line([])
    return config


def placed(composed: TrainConfig, key: str, value: Any) -> TrainConfig:
    """A copy with one value changed."""
    config = copy.deepcopy(composed)
    place(config, key, value)
    return config


def place(config: Any, key: str, value: Any) -> None:
    *path, name = key.split(".")
    for part in path:
        config = getattr(config, part.partition("[")[0])
        config = config[0] if part.endswith("]") else config
    setattr(config, name, value)


@pytest.mark.parametrize(
    ("key", "kinds"),
    [(key, kinds) for key, _, kinds in numbers(TrainConfig)],
    ids=[key for key, *_ in numbers(TrainConfig)],
)
def test_what_no_number_can_be_is_refused(composed: TrainConfig, key: str, kinds: tuple[Any, ...]) -> None:
    for value in (math.nan, math.inf, -math.inf, -1e9) if float in kinds else (-1, 2.5, True):
        with pytest.raises(UserError) as error:
            check(placed(composed, key, value))
        message = str(error.value)
        assert message.startswith(f"{key}: ") and str(value) in message and "\n" not in message


@pytest.mark.parametrize(
    "override",
    [
        "trainer.gae_lambda=2", "trainer.gae_lambda=-0.1", "trainer.save_every=0", "trainer.vf_coef=-1",
        "trainer.gamma=1.01", "trainer.clip_range=0", "trainer.clip_range_value=-0.2", "trainer.ent_coef=-0.1",
        "trainer.missing_eos_penalty=-1", "trainer.max_grad_norm=0", "trainer.weight_decay=-0.1",
        "trainer.generation_batch_size=0", "trainer.kl_horizon=0", "trainer.num_critic_warmup_rollouts=-1",
        "trainer.learning_rate=nan", "trainer.learning_rate=inf", "trainer.temperature=0", "trainer.kl_coef=nan",
        "trainer.watch.every=0", "trainer.max_kl=nan", "trainer.target_kl=0", "trainer.value_learning_rate=0",
        "feedback.sampling.top_p=0", "feedback.sampling.top_p=1.5", "feedback.sampling.temperature=-1",
        "feedback.sampling.num_prompts=0", "feedback.pairs.min_margin=-0.1", "feedback.pairs.max_per_example=0",
        "feedback.pairs.max_length_gap=-1", "feedback.injection.num_canaries=-1", "feedback.calibration.max_samples=0",
        "feedback.openai.timeout_s=0", "feedback.openai.max_attempts=0", "feedback.openai.max_concurrency=0",
        "feedback.openai.input_price=-1", "feedback.openai.max_cost=-1", "feedback.local.batch_size=0",
        "feedback.local.max_prompt_tokens=0", "feedback.min_valid=0", "evaluation.top_p=0",
        "evaluation.bootstrap_resamples=0", "evaluation.temperature=nan", "policy.sft.warmup_ratio=1.5",
        "policy.sft.weight_decay=-1", "policy.sft.adam_beta2=1", "policy.sft.dropout=1", "policy.sft.eval_steps=0",
        "policy.sft.gradient_accumulation_steps=0", "policy.sft.max_grad_norm=-1", "policy.lora.r=0",
        "policy.lora.alpha=-1", "policy.lora.dropout=1", "policy.scratch.num_layers=0", "policy.scratch.num_heads=0",
        "policy.scratch.width=0", "policy.scratch.vocab_size=0", "policy.scratch.initializer_range=0",
        "data.validation_fraction=1", "data.validation_fraction=0", "data.seeded_eval_fraction=1", "data.max_train=0",
        "data.max_eval=-1", "data.split_seed=-1", "data.mini.train_per_api=0", "data.mini.eval_per_api=0",
        "data.mini.asserted_fraction=1.1", "data.mini.seed=-1", "reward.warmup_ratio=-0.1", "reward.max_epochs=0",
        "reward.patience=0", "reward.weight_decay=nan", "reward.max_grad_norm=0", "reward.terms.model=-1",
        "reward.terms.executability=inf", "execution.timeout_s=0", "execution.memory_mb=-1", "execution.num_workers=0",
        "tracking.num_table_rows=-1", "strong_sft.learning_rate_factor=0", "seed=-1", "seed=4294967296",
        "questions.version=-1", "questions.min_valid=0",
    ],
)  # fmt: skip
def test_nonsense_is_one_line_that_names_key_and_value(composed: TrainConfig, override: str) -> None:
    key, _, value = override.partition("=")
    number = float(value) if value in ("nan", "inf") or "." in value else int(value)
    with pytest.raises(UserError, match=rf"^{key}: {value} is (not |below |above )") as error:
        check(placed(composed, key, number))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "override", ["trainer.gae_lambda=2", "trainer.save_every=0,20", "seed=-1", "evaluation.top_p=nan"]
)
def test_nonsense_on_a_command_line_is_refused(override: str) -> None:
    key, _, value = override.partition("=")
    with pytest.raises(UserError, match=rf"^{key}: {value.partition(',')[0]}(\.0)? is "):
        compose.check_command_line([override])


@pytest.mark.parametrize("key", ["name", "policy.name", "data.name"])
@pytest.mark.parametrize("name", ["a/b", "", "a\nb", "..", "é" * 101])
def test_a_name_that_cannot_begin_a_folders_name_is_refused(composed: TrainConfig, key: str, name: str) -> None:
    with pytest.raises(UserError, match=rf"^{key}: .*folder"):
        check(placed(composed, key, name))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("trainer.gae_lambda", 0.0), ("trainer.gae_lambda", 1), ("trainer.gamma", 0), ("trainer.kl_coef", 0),
        ("trainer.vf_coef", 0.0), ("trainer.max_kl", None), ("trainer.missing_eos_penalty", None),
        ("evaluation.temperature", 0), ("evaluation.top_p", 1), ("data.max_train", None), ("seed", 4294967295),
        ("trainer.watch.every", None), ("feedback.pairs.min_margin", 0), ("data.mini.asserted_fraction", 0),
        ("policy.sft.warmup_ratio", 0), ("name", "a.b-c d"),
    ],
)  # fmt: skip
def test_the_ends_that_mean_something_are_allowed(composed: TrainConfig, key: str, value: Any) -> None:
    check(placed(composed, key, value))


@pytest.mark.parametrize(
    "name",
    [
        field.name
        for field in dataclasses.fields(TrainerConfig)
        if field.name in {n.split(".")[-1] for n, *_ in numbers(TrainerConfig)}
    ],
)
def test_ppo_alone_has_the_pipelines_bounds(name: str) -> None:
    theirs = {field.name: field.metadata.get("bounds") for field in dataclasses.fields(PPOConfig)}
    ours = {
        field.name: field.metadata["bounds"]
        for field in dataclasses.fields(TrainerConfig)
        if "bounds" in field.metadata
    }
    known_as = "total_episodes" if name == "num_rollouts" else NAMES.get(name, name)
    ends = [dataclasses.replace(bounds, off="") for bounds in (ours[name], theirs[known_as])]
    assert ends[0] == ends[1]


@pytest.mark.parametrize(
    "settings",
    [
        {"lam": 2.0}, {"save_steps": 0}, {"vf_coef": -1.0}, {"gamma": math.nan}, {"learning_rate": math.inf},
        {"learning_rate": "1e-5"}, {"num_ppo_epochs": 1.5}, {"seed": -1}, {"adam_beta1": 1.0}, {"adam_epsilon": 0.0},
        {"weight_decay": -1.0}, {"ent_coef": -0.1}, {"num_critic_warmup_rollouts": -1}, {"missing_eos_penalty": -1.0},
        {"max_grad_norm": None}, {"rollout_batch_size": None}, {"reward_weights": (1.0, math.nan)},
    ],
)  # fmt: skip
def test_ppo_alone_refuses_the_same_values_in_one_line(settings: dict[str, Any]) -> None:
    (name,) = settings
    with pytest.raises(UserError, match=f"^{name}: ") as error:
        PPOConfig(**settings)
    assert "\n" not in str(error.value)


def test_a_bound_names_the_end_that_is_missed_and_what_is_allowed() -> None:
    share = Bounds(gt=0, le=1, off="1 takes all")
    assert share.complaint(0.5) is None and share.complaint(1) is None
    assert share.complaint(0) == "0 is not above 0; allowed: 0 < value <= 1; 1 takes all"
    assert share.complaint(1.5) == "1.5 is above 1; allowed: 0 < value <= 1; 1 takes all"
    assert Bounds(ge=0).complaint(-1) == "-1 is below 0"
    assert Bounds(ge=0, lt=1).complaint(1) == "1 is not below 1; allowed: 0 <= value < 1"
    assert Bounds(ge=0).complaint(math.inf) == "inf is not a finite number"
    assert Bounds(ge=0).complaint(10**400) is None
