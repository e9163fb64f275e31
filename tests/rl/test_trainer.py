"""The training loop: what it logs, what it leaves out, and that a resumed run is the same run."""

from __future__ import annotations

import copy
import dataclasses
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import LoraConfig
from torch import nn
from transformers import AutoModelForCausalLM, TrainerCallback

from rlaif.errors import UserError
from rlaif.rl.checkpoint import checkpoints
from rlaif.rl.config import PPOConfig
from rlaif.rl.optimizer import schedule
from rlaif.rl.trainer import PPOTrainer

TEXTS = ["a b", "c", "d e f", "g", "b"]
PROMPTS = [{"prompt": text, "example_id": f"p{number}"} for number, text in enumerate(TEXTS)]
CONFIG = PPOConfig(
    seed=0, max_completion_length=6, max_prompt_length=8, total_episodes=32, rollout_batch_size=8, num_ppo_epochs=2,
    num_mini_batches=2, per_device_train_batch_size=3, learning_rate=1e-3, target_kl=0.5, save_steps=2,
    missing_eos_penalty=1.0,
)  # fmt: skip
TIMES = ("seconds", "per_second")


def share_of_a(prompts: list[str], completions: list[str], **columns: Any) -> list[float | None]:
    return [text.split().count("a") / 6 for text in completions]


@pytest.fixture
def make_trainer(make_policy: Callable[..., nn.Module], tokenizer: Any) -> Callable[..., Any]:
    def make(reward_funcs: Any = share_of_a, **changes: Any) -> Any:
        """A trainer, and where its metrics go. ``changes`` of the config; ``num_rollouts`` in place of episodes."""
        logged: list[dict[str, float]] = []
        given = {name: changes.pop(name) for name in ("callbacks", "ref_model", "value_model") if name in changes}
        if "num_rollouts" in changes:
            size = changes.get("rollout_batch_size", CONFIG.rollout_batch_size)
            changes["total_episodes"] = changes.pop("num_rollouts") * size
        trainer = PPOTrainer(
            make_policy(seed=0), reward_funcs, dataclasses.replace(CONFIG, **changes), PROMPTS, tokenizer,
            on_rollout=lambda step, metrics, _: logged.append({"step": step, **metrics}), **given,
        )  # fmt: skip
        return trainer, logged

    return make


def without_times(logged: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{k: v for k, v in metrics.items() if not k.endswith(TIMES)} for metrics in logged]


class Killed(Exception):
    pass


def noisy(prompts: list[str], completions: list[str], **columns: Any) -> list[float | None]:
    """A user's own function that draws from every global generator."""
    return [
        text.split().count("a") / 6 + 0.1 * (random.random() + np.random.rand() + torch.rand(()).item())
        for text in completions
    ]


@pytest.mark.parametrize("with_critic", [False, True])
def test_a_resumed_run_equals_one_never_stopped(
    make_trainer: Callable[..., Any], make_policy: Callable[..., nn.Module], tmp_path: Path, with_critic: bool
) -> None:
    settings: dict[str, Any] = {"scale_rewards": True, "num_critic_warmup_rollouts": 1}

    def make(**further: Any) -> Any:
        critic = {"value_model": make_policy(seed=5)} if with_critic else {}
        trainer = make_trainer(noisy, **settings, **critic, **further)
        torch.manual_seed(7), np.random.seed(7), random.seed(7)
        return trainer

    whole, whole_log = make()
    whole.train()

    def kill(step: int, metrics: dict[str, float], rollout: Any) -> None:
        if step == 3:
            raise Killed

    stopped, _ = make(output_dir=str(tmp_path))
    stopped.on_rollout = kill
    with pytest.raises(Killed):
        stopped.train()
    assert [path.name for path in checkpoints(tmp_path)] == ["checkpoint-2"]

    resumed, resumed_log = make(output_dir=str(tmp_path))
    torch.manual_seed(1234)
    resumed.train(resume_from_checkpoint=True)

    assert without_times(resumed_log) == without_times(whole_log[2:])
    for name, tensor in whole.actor_critic.state_dict().items():
        assert torch.equal(tensor, resumed.actor_critic.state_dict()[name]), name
    assert whole.kl_coef == resumed.kl_coef != CONFIG.kl_coef
    assert whole.score_moments == resumed.score_moments
    states = whole.optimizer.state_dict()["state"], resumed.optimizer.state_dict()["state"]
    for number, state in states[0].items():
        for name, tensor in state.items():
            assert torch.equal(tensor, states[1][number][name])
    plain = AutoModelForCausalLM.from_pretrained(checkpoints(tmp_path)[-1] / "policy")
    for name, tensor in plain.state_dict().items():
        assert torch.equal(tensor, whole.model.state_dict()[name]), name


@pytest.mark.parametrize(
    "changes",
    [
        {"per_device_train_batch_size": 8}, {"max_tokens_per_micro_batch": 20}, {"generation_batch_size": 3},
        {"logprob_chunk_size": 2}, {"gradient_checkpointing": True}, {"compile_decoding": False},
        {"save_steps": 1, "logging_steps": 3, "save_total_limit": None, "run_name": "again", "log_completions": True},
    ],
    ids=lambda changes: next(iter(changes)),
)  # fmt: skip
def test_settings_without_influence_may_be_others_in_a_resumed_run(
    make_trainer: Callable[..., Any], tmp_path: Path, changes: dict[str, Any]
) -> None:
    whole, whole_log = make_trainer(output_dir=str(tmp_path), save_total_limit=None)
    whole.train()
    resumed, resumed_log = make_trainer(output_dir=str(tmp_path), **changes)
    resumed.train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))
    assert [row["step"] for row in resumed_log] == [3, 4]
    for name, tensor in whole.actor_critic.state_dict().items():
        if not name.endswith("c_attn.bias"):  # a key's bias has no gradient but rounding, which Adam scales up
            torch.testing.assert_close(resumed.actor_critic.state_dict()[name], tensor, atol=1e-5, rtol=1e-4)
    assert resumed_log[-1]["ppo/score_mean"] == pytest.approx(whole_log[-1]["ppo/score_mean"], abs=1e-6)


def test_all_settings_that_decide_refuse_a_resume_and_the_others_do_not() -> None:
    """Each on its own, over all fields: one that is forgotten decides."""
    others: dict[str, Any] = {
        "lr_scheduler_type": "cosine", "output_dir": "elsewhere", "run_name": "x", "report_to": "wandb",
        "value_learning_rate": 0.1, "max_tokens_per_micro_batch": 9, "early_stop_kl": 0.1, "max_kl": None,
        "importance_sampling_cap": 2.0, "logprob_chunk_size": 9, "compile_decoding": True, "reward_weights": (2.0,),
        "missing_eos_penalty": None, "gamma": 0.5, "lam": 0.5, "adam_beta1": 0.5, "adam_beta2": 0.5,
        "num_mini_batches": 1, "total_episodes": 999, "rollout_batch_size": 16,
    }  # fmt: skip
    refused = set()
    for field in dataclasses.fields(PPOConfig):
        value = getattr(CONFIG, field.name)
        new = others.get(field.name, (not value) if isinstance(value, bool) else None)
        changed = dataclasses.replace(CONFIG, **{field.name: value + 1 if new is None and value is not None else new})
        assert changed != CONFIG, field.name
        try:
            changed.require_resumable(CONFIG.to_dict(), has_own_schedule=False)
        except UserError as error:
            assert field.name in str(error) and "\n" not in str(error)
            refused.add(field.name)
    free = {field.name for field in dataclasses.fields(PPOConfig)} - refused
    assert free == {
        "output_dir", "run_name", "report_to", "save_steps", "save_total_limit", "logging_steps", "log_completions",
        "num_completions_to_log", "per_device_train_batch_size", "max_tokens_per_micro_batch", "generation_batch_size",
        "gradient_checkpointing", "logprob_chunk_size", "compile_decoding",
    }  # fmt: skip


def test_a_run_made_longer_equals_one_that_was_longer_from_the_start(
    make_trainer: Callable[..., Any], tmp_path: Path
) -> None:
    constant: dict[str, Any] = {"lr_scheduler_type": "constant", "scale_rewards": True}
    whole, whole_log = make_trainer(noisy, num_rollouts=5, **constant)
    torch.manual_seed(7), np.random.seed(7), random.seed(7)
    whole.train()
    short, _ = make_trainer(noisy, num_rollouts=2, output_dir=str(tmp_path), **constant)
    torch.manual_seed(7), np.random.seed(7), random.seed(7)
    short.train()
    longer, longer_log = make_trainer(noisy, num_rollouts=5, output_dir=str(tmp_path), **constant)
    longer.train(resume_from_checkpoint=True)
    assert without_times(longer_log) == without_times(whole_log[2:])
    for name, tensor in whole.actor_critic.state_dict().items():
        assert torch.equal(tensor, longer.actor_critic.state_dict()[name]), name


def test_a_schedule_over_the_run_keeps_its_length(make_trainer: Callable[..., Any], tmp_path: Path) -> None:
    make_trainer(num_rollouts=2, output_dir=str(tmp_path))[0].train()
    longer, _ = make_trainer(num_rollouts=5, output_dir=str(tmp_path))
    with pytest.raises(UserError, match=r"total_episodes: 40, .* made with 16, .*'linear'.* total_episodes=16, or"):
        longer.train(resume_from_checkpoint=True)
    rounded, _ = make_trainer(total_episodes=15, output_dir=str(tmp_path))  # as many rollouts: nothing has changed
    rounded.train(resume_from_checkpoint=True)
    assert rounded.rollout_index == 2


def test_the_first_rollout_has_no_kl_and_later_ones_have(make_trainer: Callable[..., Any]) -> None:
    trainer, logged = make_trainer()
    trainer.train()
    assert [metrics["step"] for metrics in logged] == [1, 2, 3, 4]
    assert logged[0]["ppo/kl"] == pytest.approx(0, abs=1e-5)
    assert logged[0]["ppo/k3"] == pytest.approx(0, abs=1e-6)
    assert logged[-1]["ppo/k3"] > 0
    assert logged[0]["ppo/learning_rate"] == 1e-3
    assert logged[2]["ppo/learning_rate"] == pytest.approx(5e-4)
    for metrics in logged:
        assert metrics["ppo/score/share_of_a"] == pytest.approx(metrics["ppo/score_mean"], abs=1e-6)
        assert 1 <= metrics["ppo/completion_length"] <= 6


def test_the_score_rises(make_trainer: Callable[..., Any]) -> None:
    trainer, logged = make_trainer(num_rollouts=25, rollout_batch_size=32, missing_eos_penalty=None, kl_coef=0.01)
    trainer.train()
    first, last = (sum(m["ppo/score_mean"] for m in part) / 5 for part in (logged[:5], logged[-5:]))
    assert last > first + 0.3
    assert max(metrics.get("ppo/explained_variance", -1) for metrics in logged) > 0


def test_samples_without_a_reward_are_left_out(make_trainer: Callable[..., Any]) -> None:
    seen: dict[str, Any] = {}

    def every_second(prompts: list[str], completions: list[str], example_id: list[str]) -> list[float | None]:
        seen.update(prompts=prompts, example_id=example_id)
        return [None if number % 2 else 1.0 for number in range(len(completions))]

    trainer, logged = make_trainer([every_second, share_of_a], reward_weights=(1.0, 0.0), num_rollouts=1)
    trainer.train()
    assert logged[0]["ppo/num_left_out"] == 4
    assert logged[0]["ppo/score_mean"] == 1.0
    by_prompt = {row["prompt"]: row["example_id"] for row in PROMPTS}
    assert seen["example_id"] == [by_prompt[prompt] for prompt in seen["prompts"]]


def test_prompts_come_in_shuffled_passes(make_trainer: Callable[..., Any]) -> None:
    trainer, _ = make_trainer()
    served = []
    for trainer.rollout_index in range(5):
        served += [row.columns["example_id"] for row in trainer.next_prompts()]
    passes = [served[start : start + 5] for start in range(0, 40, 5)]
    assert all(sorted(one) == ["p0", "p1", "p2", "p3", "p4"] for one in passes)
    assert len({tuple(one) for one in passes}) > 1


def test_a_diverging_run_stops_and_keeps_the_checkpoint(make_trainer: Callable[..., Any], tmp_path: Path) -> None:
    trainer, _ = make_trainer(output_dir=str(tmp_path))

    def poison(step: int, metrics: dict[str, float], rollout: Any) -> None:
        if step == 3:
            trainer.actor_critic.value_head.linear.weight.data.fill_(float("nan"))

    trainer.on_rollout = poison
    with pytest.raises(UserError, match=r"diverged in rollout 4 of 4.*value loss nan.*kept in .*checkpoint-2"):
        trainer.train()
    fresh, _ = make_trainer(output_dir=str(tmp_path))
    fresh.load_checkpoint(checkpoints(tmp_path)[-1])
    assert fresh.rollout_index == 2
    assert all(tensor.isfinite().all() for tensor in fresh.actor_critic.state_dict().values())


def test_an_exploding_kl_stops(make_trainer: Callable[..., Any]) -> None:
    trainer, _ = make_trainer(max_kl=1e-4, learning_rate=0.05, target_kl=None)
    with pytest.raises(UserError, match=r"the KL to the reference is .* nats a token \(max_kl=0.0001\); there is no"):
        trainer.train()


def test_clear_errors(make_trainer: Callable[..., Any], make_policy: Any, tokenizer: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no checkpoint"):
        make_trainer(output_dir=str(tmp_path))[0].train(resume_from_checkpoint=True)
    (tmp_path / "checkpoint-1").mkdir()
    (tmp_path / "checkpoint-1" / "trainer.pt").write_bytes(b"torn")
    with pytest.raises(UserError, match="not a readable checkpoint"):
        make_trainer(output_dir=str(tmp_path))[0].train(resume_from_checkpoint=True)
    other, _ = make_trainer(cliprange=0.1)
    with pytest.raises(UserError, match="made with another config: cliprange differ"):
        other.load_state_dict(make_trainer()[0].state_dict())
    with pytest.raises(UserError, match="no reward could be computed"):
        make_trainer(lambda prompts, completions, **columns: [None] * len(completions))[0].train()
    policy = make_policy()
    with pytest.raises(UserError, match="the model itself"):
        PPOTrainer(policy, share_of_a, CONFIG, PROMPTS, tokenizer, ref_model=policy)
    with pytest.raises(UserError, match="num_mini_batches: 3 does not divide"):
        dataclasses.replace(CONFIG, num_mini_batches=3)
    with pytest.raises(UserError, match="cannot be loaded"):
        PPOTrainer(str(tmp_path / "nothing"), share_of_a, CONFIG, PROMPTS, tokenizer)


def test_the_reference_stays_as_it_was(make_trainer: Callable[..., Any]) -> None:
    trainer, _ = make_trainer()
    before = copy.deepcopy(trainer.reference.model.state_dict())
    trainer.train()
    assert all(torch.equal(before[name], tensor) for name, tensor in trainer.reference.model.state_dict().items())


def test_without_a_kl_penalty_there_is_no_reference(make_trainer: Callable[..., Any]) -> None:
    trainer, logged = make_trainer(kl_coef=0.0, target_kl=None)
    trainer.train()
    assert trainer.reference.model is None
    assert "ppo/kl" not in logged[-1]
    assert logged[-1]["ppo/reward_mean"] == pytest.approx(
        logged[-1]["ppo/score_mean"] - (1 - logged[-1]["ppo/eos_rate"]), abs=1e-6
    )


def test_schedules() -> None:
    assert [schedule("linear", p) for p in (0, 0.25, 0.75)] == [1, 0.75, 0.25]
    assert [round(schedule("cosine", p), 6) for p in (0, 0.5)] == [1, 0.5]
    assert schedule("constant", 0.9) == 1


def test_a_lora_policy_trains_its_adapters_only(
    make_policy: Callable[..., nn.Module], tokenizer: Any, tmp_path: Path
) -> None:
    base = make_policy(seed=0)
    before = copy.deepcopy(base.state_dict())
    logged: list[dict[str, float]] = []
    trainer = PPOTrainer(
        base, share_of_a, CONFIG, PROMPTS, tokenizer,
        peft_config=LoraConfig(r=2, target_modules=["c_attn"], fan_in_fan_out=True),
        on_rollout=lambda step, metrics, _: logged.append(metrics),
    )  # fmt: skip
    assert trainer.reference.model is None  # the adapter switched off is the reference
    trainer.train()
    assert logged[0]["ppo/k3"] == pytest.approx(0, abs=1e-6)
    assert logged[-1]["ppo/k3"] > 0
    for name, tensor in trainer.model.state_dict().items():
        plain = name.removeprefix("base_model.model.").replace(".base_layer", "")
        if "lora_B" in name:
            assert tensor.abs().sum() > 0, name
        elif "lora" not in name:
            assert torch.equal(tensor, before[plain]), name
    trainer.save_model(tmp_path)
    assert (tmp_path / "adapter_model.safetensors").exists()


def test_the_critic_warms_up_alone_at_its_own_rate(make_trainer: Callable[..., Any]) -> None:
    trainer, logged = make_trainer(
        num_rollouts=2, num_critic_warmup_rollouts=1, value_learning_rate=0.05, num_ppo_epochs=1, num_mini_batches=1
    )
    before = copy.deepcopy(trainer.model.state_dict())
    seen: list[dict[str, Any]] = []

    def look(step: int, metrics: dict[str, float], rollout: Any) -> None:
        same = all(torch.equal(value, before[name]) for name, value in trainer.model.state_dict().items())
        weight = trainer.actor_critic.value_head.linear.weight
        seen.append({"same": same, "weight": weight.abs().max().item()})
        logged.append(metrics)

    trainer.on_rollout = look
    trainer.train()
    assert [row["same"] for row in seen] == [True, False]
    assert [metrics["ppo/learning_rate"] for metrics in logged] == [0.0, pytest.approx(CONFIG.learning_rate * 0.5)]
    assert seen[0]["weight"] == pytest.approx(0.05, rel=1e-3)  # Adam's first step is its rate


def test_a_new_critic_starts_from_the_first_mean_return(make_trainer: Callable[..., Any]) -> None:
    trainer, logged = make_trainer(
        lambda prompts, completions, **columns: [7.0] * len(prompts),
        num_rollouts=1, learning_rate=1e-12, missing_eos_penalty=None, whiten_advantages=False,
    )  # fmt: skip
    trainer.train()
    assert trainer.actor_critic.value_head.linear.bias.item() == pytest.approx(7.0, abs=1e-5)
    assert logged[0]["ppo/value_loss"] == pytest.approx(0.0, abs=1e-8)
    assert logged[0]["ppo/policy_loss"] == pytest.approx(0.0, abs=1e-5)


def test_callbacks_are_called_and_obeyed(make_trainer: Callable[..., Any], tmp_path: Path) -> None:
    class Watch(TrainerCallback):
        events: list[str]

        def __init__(self) -> None:
            self.events = []

        def on_train_begin(self, args: Any, state: Any, control: Any, **handed: Any) -> None:
            assert handed["model"] is trainer.model
            self.events.append("begin")

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **handed: Any) -> None:
            assert "ppo/score_mean" in logs
            self.events.append(f"log {state.global_step}")

        def on_step_end(self, args: Any, state: Any, control: Any, **handed: Any) -> None:
            control.should_save = state.global_step == 1
            control.should_training_stop = state.global_step == 3

        def on_save(self, args: Any, state: Any, control: Any, **handed: Any) -> None:
            self.events.append(f"save {state.global_step}")

        def on_train_end(self, args: Any, state: Any, control: Any, **handed: Any) -> None:
            self.events.append("end")

    watch = Watch()
    trainer, _ = make_trainer(callbacks=[watch], output_dir=str(tmp_path), save_steps=100, log_completions=True)
    trainer.train()
    assert watch.events == ["begin", "log 1", "save 1", "log 2", "log 3", "end"]
    rows = [json.loads(line) for line in (tmp_path / "completions.jsonl").read_text().splitlines()]
    assert len(rows) == 3 * 8
    assert rows[0].keys() == {"step", "prompt", "completion", "ends_with_eos", "score", "score/share_of_a"}


def test_gradient_checkpointing_changes_nothing(make_trainer: Callable[..., Any]) -> None:
    plain, _ = make_trainer(num_rollouts=1)
    saving, _ = make_trainer(num_rollouts=1, gradient_checkpointing=True)
    plain.train()
    saving.train()
    for name, tensor in plain.model.state_dict().items():
        torch.testing.assert_close(saving.model.state_dict()[name], tensor, atol=1e-5, rtol=1e-4)


def test_old_checkpoints_go(make_trainer: Callable[..., Any], tmp_path: Path) -> None:
    trainer, _ = make_trainer(output_dir=str(tmp_path), save_steps=1, save_total_limit=2)
    trainer.train()
    assert [path.name for path in checkpoints(tmp_path)] == ["checkpoint-3", "checkpoint-4"]
