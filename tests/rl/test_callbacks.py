"""transformers' callbacks: what they find in their arguments, and which PPO has nothing for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import nn
from transformers import (
    DefaultFlowCallback,
    EarlyStoppingCallback,
    PrinterCallback,
    ProgressCallback,
    TrainerCallback,
    TrainingArguments,
)

from rlaif.errors import UserError
from rlaif.rl.config import PPOConfig
from rlaif.rl.trainer import PPOTrainer

PROMPTS = [{"prompt": text} for text in ("a b", "c", "d e f", "g")]
CONFIG = PPOConfig(
    seed=0, max_completion_length=4, max_prompt_length=8, total_episodes=16, rollout_batch_size=8, num_ppo_epochs=1,
    num_mini_batches=1,
)  # fmt: skip


def share_of_a(prompts: list[str], completions: list[str], **columns: Any) -> list[float]:
    return [text.split().count("a") / 4 for text in completions]


@pytest.fixture
def make(make_policy: Callable[..., nn.Module], tokenizer: Any) -> Callable[..., PPOTrainer]:
    def make(callbacks: Any = (), reward: Any = share_of_a, policy: Any = None, **changes: Any) -> PPOTrainer:
        config = dataclasses.replace(CONFIG, **changes)
        return PPOTrainer(policy or make_policy(), reward, config, PROMPTS, tokenizer, callbacks=callbacks)

    return make


def test_early_stopping_is_refused_when_the_trainer_is_made(make: Callable[..., PPOTrainer]) -> None:
    class Mine(EarlyStoppingCallback):
        pass

    for callback in (EarlyStoppingCallback(), EarlyStoppingCallback, Mine(early_stopping_patience=2)):
        with pytest.raises(UserError, match="waits for evaluations"):
            make([callback])
    with pytest.raises(UserError, match="callbacks: int is no"):
        make([3])


def test_a_callback_finds_ppos_settings_and_else_the_defaults_of_transformers(make: Callable[..., PPOTrainer]) -> None:
    seen: dict[str, Any] = {}

    class Look(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **handed: Any) -> None:
            seen.update(
                learning_rate=args.learning_rate, kl_coef=args.kl_coef, metric=args.metric_for_best_model,
                push_to_hub=args.push_to_hub, strategy=args.eval_strategy, as_dict=args.to_dict()["kl_coef"],
            )  # fmt: skip

    make([Look]).train()  # a class, as transformers takes it
    theirs = {field.name: field.default for field in dataclasses.fields(TrainingArguments)}
    assert seen == {
        "learning_rate": CONFIG.learning_rate, "kl_coef": CONFIG.kl_coef, "metric": None, "push_to_hub": False,
        "strategy": theirs["eval_strategy"], "as_dict": CONFIG.kl_coef,
    }  # fmt: skip


def test_what_a_callback_cannot_find_is_one_line(make: Callable[..., PPOTrainer]) -> None:
    class Asks(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **handed: Any) -> None:
            args.nothing_of_the_kind  # noqa: B018

    with pytest.raises(UserError, match=r"callbacks: Asks asks for args\.nothing_of_the_kind"):
        make([Asks()]).train()


def test_transformers_own_callbacks_run(make: Callable[..., PPOTrainer]) -> None:
    make([PrinterCallback(), DefaultFlowCallback()]).train()
    make([ProgressCallback()]).train()


def test_all_trackers_are_those_installed(
    make: Callable[..., PPOTrainer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers.integrations import WandbCallback

    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.chdir(tmp_path)
    for report_to in ("all", ("all",), ["wandb"]):
        trainer = make(report_to=report_to)
        assert WandbCallback in {type(one) for one in trainer.callbacks.callbacks}
        trainer.train()
    assert make(report_to=None).callbacks.callbacks == []
    with pytest.raises(UserError, match="report_to='nobody': nobody is not supported"):
        make(report_to="nobody")
    with pytest.raises(UserError, match=r"report_to='comet_ml': .*install"):
        make(report_to="comet_ml")


def test_a_generation_config_that_cannot_be_saved_is_said_when_the_trainer_is_made(
    make: Callable[..., PPOTrainer], make_policy: Callable[..., nn.Module]
) -> None:
    policy: Any = make_policy()
    policy.generation_config.temperature = 0.3  # without do_sample
    with pytest.raises(UserError, match=r"model\.generation_config cannot be saved.*do_sample") as error:
        make(policy=policy)
    assert "\n" not in str(error.value)
    policy.generation_config.do_sample = True
    make(policy=policy)


@pytest.mark.parametrize("value", [1e308, -1e308, 1e30, 1e16])
def test_a_reward_beyond_fp32_is_named(make: Callable[..., PPOTrainer], value: float) -> None:
    def enormous(prompts: list[str], completions: list[str], **columns: Any) -> list[float]:
        return [value, *[0.0] * (len(prompts) - 1)]

    with pytest.raises(UserError, match=r"reward function enormous: returned .* too large"):
        make(reward=enormous).train()
    make(reward=[enormous, share_of_a], reward_weights=(1e-300, 1.0)).train()
    make(reward=lambda prompts, completions, **columns: [1e14, *[0.0] * (len(prompts) - 1)]).train()


def test_a_callback_may_come_alone(make: Callable[..., PPOTrainer]) -> None:
    steps = []

    class Count(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **handed: Any) -> None:
            steps.append(state.global_step)

    make(Count()).train()
    assert steps == [1, 2]


def test_a_tracker_that_fails_is_one_line_and_a_callbacks_own_error_its_own(
    make: Callable[..., PPOTrainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers.integrations import WandbCallback

    def fail(self: Any, *arguments: Any, **handed: Any) -> None:
        raise RuntimeError("no API key\nconfigured")

    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.setattr(WandbCallback, "on_train_begin", fail)
    with pytest.raises(UserError, match=r"^report_to='wandb': WandbCallback: no API key$"):
        make(report_to="wandb").train()
    monkeypatch.setattr(PrinterCallback, "on_train_begin", fail)
    with pytest.raises(RuntimeError, match="no API key"):
        make([PrinterCallback()]).train()


@pytest.mark.parametrize("name", ["config", "generation_config"])
def test_a_config_that_cannot_be_written_is_said_when_the_trainer_is_made(
    make: Callable[..., PPOTrainer], make_policy: Callable[..., nn.Module], name: str
) -> None:
    policy: Any = make_policy()
    getattr(policy, name).mine = object()
    with pytest.raises(UserError, match=rf"model\.{name} cannot be saved.*JSON"):
        make(policy=policy)
    policy = make_policy()
    policy.generation_config = None
    with pytest.raises(UserError, match=r"generation_config is None"):
        make(policy=policy)
