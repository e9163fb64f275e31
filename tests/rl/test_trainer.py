"""The training loop: what it logs, what it leaves out, and that a resumed run is the same run."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn

from rlaif.errors import UserError
from rlaif.rl.config import PPOConfig
from rlaif.rl.trainer import PPOTrainer, penalised_scores, schedule

TEXTS = ["a b", "c", "d e f", "g", "b"]
PROMPTS = [{"prompt": text, "example_id": f"p{number}"} for number, text in enumerate(TEXTS)]
CONFIG = PPOConfig(
    seed=0, max_new_tokens=6, max_prompt_tokens=8, num_rollouts=4, rollout_batch_size=8, num_ppo_epochs=2,
    num_mini_batches=2, micro_batch_size=3, learning_rate=1e-3, target_kl=0.5, save_every=2,
)  # fmt: skip
TIMES = ("seconds", "per_second")


def share_of_a(prompts: list[str], completions: list[str], **columns: Any) -> list[float | None]:
    return [text.split().count("a") / 6 for text in completions]


@pytest.fixture
def make_trainer(make_policy: Callable[..., nn.Module], tokenizer: Any) -> Callable[..., Any]:
    def make(reward_funcs: Any = share_of_a, **changes: Any) -> Any:
        logged: list[dict[str, float]] = []
        weights = changes.pop("reward_weights", None)
        trainer = PPOTrainer(
            make_policy(seed=0), make_policy(seed=0), tokenizer, reward_funcs, PROMPTS,
            dataclasses.replace(CONFIG, **changes), reward_weights=weights,
            on_log=lambda step, metrics: logged.append({"step": step, **metrics}),
        )  # fmt: skip
        return trainer, logged

    return make


def without_times(logged: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{k: v for k, v in metrics.items() if not k.endswith(TIMES)} for metrics in logged]


def test_a_resumed_run_equals_one_never_stopped(make_trainer: Callable[..., Any], tmp_path: Path) -> None:
    whole, whole_log = make_trainer()
    whole.train()

    class Killed(Exception):
        pass

    def kill(step: int, metrics: dict[str, float]) -> None:
        if step == 3:
            raise Killed

    stopped, _ = make_trainer()
    stopped.on_log = kill
    with pytest.raises(Killed):
        stopped.train(tmp_path)

    torch.manual_seed(1234)  # the global generator must not matter
    resumed, resumed_log = make_trainer()
    resumed.load_checkpoint(tmp_path)
    assert resumed.rollout_index == 2
    resumed.train(tmp_path)

    assert without_times(resumed_log) == without_times(whole_log[2:])
    for name, tensor in whole.policy.state_dict().items():
        assert torch.equal(tensor, resumed.policy.state_dict()[name]), name
    assert torch.equal(whole.value_head.linear.weight, resumed.value_head.linear.weight)
    assert whole.kl_coef == resumed.kl_coef != CONFIG.kl_coef


def test_the_first_rollout_has_no_kl_and_later_ones_have(make_trainer: Callable[..., Any]) -> None:
    trainer, logged = make_trainer()
    trainer.train()
    assert [metrics["step"] for metrics in logged] == [1, 2, 3, 4]
    assert logged[0]["ppo/kl"] == logged[0]["ppo/k3"] == 0
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

    trainer, logged = make_trainer([every_second, share_of_a], reward_weights=[1.0, 0.0], num_rollouts=1)
    trainer.train()
    assert logged[0]["ppo/num_left_out"] == 4
    assert logged[0]["ppo/score_mean"] == 1.0
    by_prompt = {row["prompt"]: row["example_id"] for row in PROMPTS}
    assert seen["example_id"] == [by_prompt[prompt] for prompt in seen["prompts"]]


def test_prompts_come_in_shuffled_passes(make_trainer: Callable[..., Any]) -> None:
    trainer, _ = make_trainer()
    served = []
    for trainer.rollout_index in range(5):
        served += [row["example_id"] for row in trainer.next_prompts()]
    passes = [served[start : start + 5] for start in range(0, 40, 5)]
    assert all(sorted(one) == ["p0", "p1", "p2", "p3", "p4"] for one in passes)
    assert len({tuple(one) for one in passes}) > 1


def test_missing_eos_is_punished(make_trainer: Callable[..., Any]) -> None:
    rollout: Any = SimpleNamespace(scores=torch.tensor([1.0, 2.0]), ends_with_eos=torch.tensor([True, False]))
    config = dataclasses.replace(CONFIG, missing_eos_penalty=0.75)
    assert penalised_scores(rollout, config).tolist() == [1.0, 1.25]
    config = dataclasses.replace(CONFIG, missing_eos_penalty=None)
    assert penalised_scores(rollout, config).tolist() == [1.0, 2.0]


def test_divergence_stops_and_keeps_the_checkpoint(make_trainer: Callable[..., Any], tmp_path: Path) -> None:
    trainer, _ = make_trainer()

    def poison(step: int, metrics: dict[str, float]) -> None:
        if step == 2:
            trainer.value_head.linear.weight.data.fill_(float("nan"))
            trainer.save_checkpoint = lambda directory: None

    trainer.save_checkpoint(tmp_path)
    trainer.on_log = poison
    with pytest.raises(UserError, match=r"diverged in rollout 3 of 4.*value loss nan.*kept in"):
        trainer.train(tmp_path)
    fresh, _ = make_trainer()
    fresh.load_checkpoint(tmp_path)
    assert fresh.rollout_index == 0


def test_clear_errors(make_trainer: Callable[..., Any], make_policy: Any, tokenizer: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no checkpoint"):
        make_trainer()[0].load_checkpoint(tmp_path)
    (tmp_path / "checkpoint.pt").write_bytes(b"torn")
    with pytest.raises(UserError, match="not a readable checkpoint"):
        make_trainer()[0].load_checkpoint(tmp_path)
    other, _ = make_trainer(clip_range=0.1)
    with pytest.raises(UserError, match="clip_range differ"):
        other.load_state_dict(make_trainer()[0].state_dict())
    with pytest.raises(UserError, match="no reward could be computed"):
        make_trainer(lambda prompts, completions, **columns: [None] * len(completions))[0].train()
    with pytest.raises(UserError, match="returned nan"):
        make_trainer(lambda prompts, completions, **columns: [float("nan")] * len(completions))[0].train()
    with pytest.raises(UserError, match="1 rewards for 8 completions"):
        make_trainer(lambda prompts, completions, **columns: [1.0])[0].train()
    policy = make_policy()
    with pytest.raises(UserError, match="the policy itself"):
        PPOTrainer(policy, policy, tokenizer, share_of_a, PROMPTS, CONFIG)
    with pytest.raises(UserError, match="num_mini_batches: 3 does not divide"):
        dataclasses.replace(CONFIG, num_mini_batches=3)


def test_the_reference_stays_as_it_was(make_trainer: Callable[..., Any]) -> None:
    trainer, _ = make_trainer()
    before = copy.deepcopy(trainer.ref_policy.state_dict())
    trainer.train()
    assert all(torch.equal(before[name], tensor) for name, tensor in trainer.ref_policy.state_dict().items())


def test_schedules() -> None:
    assert [schedule("linear", p) for p in (0, 0.25, 0.75)] == [1, 0.75, 0.25]
    assert [round(schedule("cosine", p), 6) for p in (0, 0.5)] == [1, 0.5]
    assert schedule("constant", 0.9) == 1


def test_a_lora_policy_trains_its_adapters_only(
    make_policy: Callable[..., nn.Module], tokenizer: Any, tmp_path: Path
) -> None:
    base = make_policy(seed=0)
    before = copy.deepcopy(base.state_dict())
    adapted = get_peft_model(copy.deepcopy(base), LoraConfig(r=2, target_modules=["c_attn"], fan_in_fan_out=True))
    trainer = PPOTrainer(adapted, base, tokenizer, share_of_a, PROMPTS, CONFIG)
    trainer.train(tmp_path)
    for name, tensor in adapted.state_dict().items():
        plain = name.removeprefix("base_model.model.").replace(".base_layer", "")
        if "lora_B" in name:
            assert tensor.abs().sum() > 0, name
        elif "lora" not in name:
            assert torch.equal(tensor, before[plain]), name


def test_the_critic_warms_up_alone_at_its_own_rate(make_trainer: Callable[..., Any]) -> None:
    trainer, logged = make_trainer(
        num_rollouts=2, num_critic_warmup_rollouts=1, value_learning_rate=0.05, num_ppo_epochs=1, num_mini_batches=1
    )
    before = copy.deepcopy(trainer.policy.state_dict())
    seen: list[dict[str, float]] = []

    def look(step: int, metrics: dict[str, float]) -> None:
        same = all(torch.equal(value, before[name]) for name, value in trainer.policy.state_dict().items())
        seen.append({"same": same, "weight": trainer.value_head.state_dict()["linear.weight"].abs().max().item()})
        logged.append(metrics)

    trainer.on_log = look
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
    assert trainer.value_head.linear.bias.item() == pytest.approx(7.0, abs=1e-5)
    assert logged[0]["ppo/value_loss"] == pytest.approx(0.0, abs=1e-8)
    assert logged[0]["ppo/policy_loss"] == pytest.approx(0.0, abs=1e-5)
