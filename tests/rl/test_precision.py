"""Weights that come in bf16 or fp16 are trained as fp32 ones are."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM

from rlaif.errors import UserError
from rlaif.rl.config import PPOConfig
from rlaif.rl.trainer import PPOTrainer
from tests.rl.actor_critic.test_reference import llama, lora

PROMPTS = [{"prompt": text} for text in ("a b", "c", "d e f", "g")]
CONFIG = PPOConfig(
    seed=0, max_completion_length=5, max_prompt_length=8, total_episodes=24, rollout_batch_size=8, num_ppo_epochs=2,
    num_mini_batches=2, learning_rate=1e-6, max_kl=None,
)  # fmt: skip
HALF = [torch.bfloat16, torch.float16]


def share_of_a(prompts: list[str], completions: list[str], **columns: Any) -> list[float]:
    return [text.split().count("a") / 5 for text in completions]


def run(policy: Any, tokenizer: Any, config: PPOConfig = CONFIG, **given: Any) -> tuple[PPOTrainer, list[Any]]:
    logged: list[dict[str, float]] = []
    trainer = PPOTrainer(
        policy, share_of_a, config, PROMPTS, tokenizer, **given,
        on_rollout=lambda _, metrics, __: logged.append(metrics),
    )  # fmt: skip
    trainer.train()
    return trainer, logged


@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize("build", [llama, None], ids=["llama", "gpt2"])
def test_small_steps_are_taken_as_with_weights_in_fp32(
    make_policy: Callable[..., nn.Module], tokenizer: Any, dtype: torch.dtype, build: Any, tmp_path: Path
) -> None:
    came_in = (build or make_policy)().to(dtype)
    in_fp32, _ = run(copy.deepcopy(came_in).float(), tokenizer)
    critic = {"value_model": copy.deepcopy(came_in)}
    before = copy.deepcopy(came_in.state_dict())
    trainer, logged = run(came_in, tokenizer)
    assert logged[0]["ppo/kl"] == pytest.approx(0, abs=1e-5)
    changed = total = 0
    for name, tensor in in_fp32.model.state_dict().items():
        assert torch.equal(trainer.model.state_dict()[name], tensor), name
        changed += int((tensor != before[name].float()).sum())
        total += tensor.numel()
    assert changed / total > 0.9  # in bf16: 0.003
    trainer.save_model(tmp_path)
    saved = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert all(torch.equal(saved.state_dict()[name], one) for name, one in trainer.model.state_dict().items())
    with_critic, _ = run(came_in, tokenizer, **critic)
    assert {one.dtype for one in with_critic.actor_critic.parameters()} == {torch.float32}


@pytest.mark.parametrize("dtype", HALF)
def test_a_reference_in_the_same_precision_starts_without_kl(
    make_policy: Callable[..., nn.Module], tokenizer: Any, dtype: torch.dtype
) -> None:
    policy = make_policy().to(dtype)
    _, logged = run(policy, tokenizer, ref_model=copy.deepcopy(policy))
    assert logged[0]["ppo/kl"] == pytest.approx(0, abs=1e-5)


ADAPTERS: dict[str, Any] = {
    "lora": lora(), "all biases": lora(bias="all"), "head saved": lora(modules_to_save=["lm_head"]),
    "embedding saved": lora(modules_to_save=["embed_tokens"]), "norms saved": lora(modules_to_save=["norm"]),
    "dora": lora(use_dora=True), "on the embedding": lora(target_modules=["embed_tokens", "q_proj"]),
}  # fmt: skip


@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize("name", ADAPTERS)
def test_what_is_trained_beside_frozen_weights_is_fp32(name: str, dtype: torch.dtype, tokenizer: Any) -> None:
    policy = peft.get_peft_model(llama().to(dtype), ADAPTERS[name])
    before = {one: value.detach().clone() for one, value in policy.named_parameters()}
    trainer, logged = run(policy, tokenizer, dataclasses.replace(CONFIG, learning_rate=1e-4))
    after = dict(trainer.model.named_parameters())
    assert {one.dtype for one in after.values() if one.requires_grad} == {torch.float32}
    assert {one.dtype for one in after.values() if not one.requires_grad} == (
        {torch.bfloat16} if dtype == torch.bfloat16 else {torch.float32}
    )
    moved = {one for one, value in after.items() if (value.float() - before[one].float()).abs().max() > 1e-5}
    unused = {"k_proj.bias"}  # a key's bias has no gradient
    trained = {one for one, value in after.items() if value.requires_grad and not one.endswith(tuple(unused))}
    assert {one for one in trained if "lora_A" not in one} - moved == set()
    assert abs(logged[0]["ppo/kl"]) < (0.05 if dtype == torch.bfloat16 else 1e-5)


def test_nothing_to_train_is_said_when_the_trainer_is_made(make_policy: Any, tokenizer: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="all its parameters are frozen"):
        PPOTrainer(make_policy().requires_grad_(False), share_of_a, CONFIG, PROMPTS, tokenizer)
    peft.get_peft_model(llama(), lora()).save_pretrained(tmp_path)
    for_inference = peft.PeftModel.from_pretrained(llama(), tmp_path)
    with pytest.raises(UserError, match=r"its adapters are frozen.*is_trainable=True"):
        PPOTrainer(for_inference, share_of_a, CONFIG, PROMPTS, tokenizer)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_torchs_default_dtype_decides_nothing(
    make_policy: Callable[..., nn.Module], tokenizer: Any, dtype: torch.dtype
) -> None:
    """Scripts that load models in bf16 often set it for the whole process."""
    policy = make_policy()
    wanted, logged = run(copy.deepcopy(policy), tokenizer)
    torch.set_default_dtype(dtype)
    try:
        trainer, found = run(policy, tokenizer)
    finally:
        torch.set_default_dtype(torch.float32)
    for name, tensor in wanted.actor_critic.state_dict().items():
        assert torch.equal(trainer.actor_critic.state_dict()[name], tensor), name
    assert [row["ppo/kl"] for row in found] == [row["ppo/kl"] for row in logged]
