"""The KL penalty's reference is where PPO starts, whatever is trained: against an independent copy of the policy."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM

from rlaif.errors import UserError
from rlaif.rl.config import PPOConfig
from rlaif.rl.trainer import PPOTrainer

PROMPTS = [{"prompt": text} for text in ("a b", "c", "d e f", "g")]
CONFIG = PPOConfig(
    seed=0, max_completion_length=5, max_prompt_length=8, total_episodes=24, rollout_batch_size=8, num_ppo_epochs=2,
    num_mini_batches=2, per_device_train_batch_size=3, learning_rate=0.02, max_grad_norm=100.0, max_kl=None,
    temperature=0.9,
)  # fmt: skip


def llama(**changes: Any) -> Any:
    torch.manual_seed(0)
    shape: dict[str, Any] = {
        "vocab_size": 8, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
        "num_key_value_heads": 2, "max_position_embeddings": 32, "initializer_range": 0.3, "attention_bias": True,
        "tie_word_embeddings": True, "eos_token_id": 0, "bos_token_id": None, "pad_token_id": None,
    }  # fmt: skip
    return LlamaForCausalLM(LlamaConfig(**{**shape, **changes}))


def adapted(config: Any, **of_model: Any) -> Any:
    return peft.get_peft_model(llama(**of_model), config)


LINEAR = ["q_proj", "v_proj", "down_proj"]


def lora(**changes: Any) -> peft.LoraConfig:
    return peft.LoraConfig(**{"r": 2, "task_type": "CAUSAL_LM", "target_modules": LINEAR, **changes})


def with_unfrozen_embedding() -> Any:
    policy = adapted(lora())
    policy.get_input_embeddings().weight.requires_grad_(True)
    return policy


def trained_before() -> Any:
    """An adapter that was fine-tuned: PPO starts from what it computes, not from the model below it."""
    policy = adapted(lora())
    for name, parameter in policy.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(parameter, std=0.3)
    return policy


def one_token_trained_before() -> Any:
    policy = adapted(lora(trainable_token_indices=[3]))
    for name, parameter in policy.named_parameters():
        if "trainable_tokens_delta" in name:
            nn.init.normal_(parameter, std=0.5)
    return policy


def beside_a_trained_one() -> Any:
    """A second adapter on top of one that stays as it is."""
    policy = trained_before()
    policy.add_adapter("second", lora(target_modules=["k_proj"]))
    policy.base_model.set_adapter(["default", "second"])
    for name, parameter in policy.named_parameters():
        parameter.requires_grad_("second" in name)
    return policy


def an_inactive_one_beside() -> Any:
    policy = trained_before()
    policy.add_adapter("second", lora())
    policy.set_adapter("second")
    return policy


def only_the_last_layer() -> Any:
    policy = llama().requires_grad_(False)
    policy.model.layers[-1].requires_grad_(True)
    return policy


def added_by_transformers() -> Any:
    policy = llama()
    policy.add_adapter(lora())
    return policy


def normalised() -> Any:
    return adapted(peft.LNTuningConfig(task_type="CAUSAL_LM", target_modules=["input_layernorm"]))


POLICIES: dict[str, Callable[[], Any]] = {
    "lora": lambda: adapted(lora()),
    "pissa": lambda: adapted(lora(init_lora_weights="pissa")),
    "pissa by a random decomposition": lambda: adapted(lora(init_lora_weights="pissa_niter_2")),
    "olora": lambda: adapted(lora(init_lora_weights="olora")),
    "random": lambda: adapted(lora(init_lora_weights=False)),
    "rank-stabilised": lambda: adapted(lora(use_rslora=True)),
    "dora": lambda: adapted(lora(use_dora=True)),
    "all biases": lambda: adapted(lora(bias="all")),
    "its own biases": lambda: adapted(lora(bias="lora_only")),
    "dropout": lambda: adapted(lora(lora_dropout=0.5)),
    "head saved": lambda: adapted(lora(modules_to_save=["lm_head"])),
    "embedding saved": lambda: adapted(lora(modules_to_save=["embed_tokens"])),
    "both saved": lambda: adapted(lora(modules_to_save=["embed_tokens", "lm_head"], ensure_weight_tying=True)),
    "on the embedding": lambda: adapted(lora(target_modules=["embed_tokens", "q_proj"])),
    "on the head": lambda: adapted(lora(target_modules=["lm_head", "q_proj"]), tie_word_embeddings=False),
    "some tokens": lambda: adapted(lora(trainable_token_indices=[1, 3, 5])),
    "layers again": lambda: adapted(lora(layer_replication=[(0, 2), (1, 2)])),
    "bare parameters": lambda: adapted(lora(target_modules=["q_proj"], target_parameters=["v_proj.weight"])),
    "ia3": lambda: adapted(peft.IA3Config(task_type="CAUSAL_LM", target_modules=["v_proj", "down_proj"],
                                          feedforward_modules=["down_proj"])),
    "loha": lambda: adapted(peft.LoHaConfig(task_type="CAUSAL_LM", r=2, target_modules=LINEAR)),
    "lokr": lambda: adapted(peft.LoKrConfig(task_type="CAUSAL_LM", r=2, target_modules=LINEAR)),
    "oft": lambda: adapted(peft.OFTConfig(task_type="CAUSAL_LM", r=0, oft_block_size=4, target_modules=["q_proj"])),
    "vera": lambda: adapted(peft.VeraConfig(task_type="CAUSAL_LM", r=2, target_modules=["q_proj", "v_proj"])),
    "miss": lambda: adapted(peft.MissConfig(task_type="CAUSAL_LM", r=2, target_modules=LINEAR)),
    "vb-lora": lambda: adapted(peft.VBLoRAConfig(task_type="CAUSAL_LM", r=2, num_vectors=8, vector_length=8, topk=2,
                                                 target_modules=["q_proj", "v_proj"])),
    "fourierft": lambda: adapted(peft.FourierFTConfig(task_type="CAUSAL_LM", n_frequency=20,
                                                      target_modules=["q_proj", "v_proj"])),
    "c3a": lambda: adapted(peft.C3AConfig(task_type="CAUSAL_LM", block_size=8, target_modules=["q_proj", "v_proj"])),
    "tied adapters": lambda: adapted(lora(target_modules=["embed_tokens", "q_proj"], ensure_weight_tying=True,
                                          bias="all")),
    "norms": normalised,
    "an unfrozen embedding": with_unfrozen_embedding,
    "trained before": trained_before,
    "one token trained before": one_token_trained_before,
    "beside a trained one": beside_a_trained_one,
    "an inactive one beside": an_inactive_one_beside,
    "the last layer": only_the_last_layer,
    "transformers' own": added_by_transformers,
    "everything": llama,
}  # fmt: skip


def share_of_a(prompts: list[str], completions: list[str], **columns: Any) -> list[float]:
    return [text.split().count("a") / 5 for text in completions]


@torch.no_grad()
def plain_logprobs(policy: nn.Module, rollout: Any) -> Tensor:
    """[B, L] of the actions: each sequence alone through the whole model."""
    found = torch.zeros_like(rollout.logprobs)
    for row, length in enumerate(rollout.lengths.tolist()):
        ids = rollout.input_ids[row : row + 1, :length]
        logprobs = (policy(input_ids=ids, use_cache=False).logits[0] / CONFIG.temperature).log_softmax(-1)
        found[row, 1:length] = logprobs[:-1].gather(1, ids[0, 1:, None])[:, 0]
    return found.masked_fill(~rollout.action_mask, 0)


@pytest.mark.parametrize("name", POLICIES)
def test_the_reference_is_where_ppo_starts(name: str, tokenizer: Any) -> None:
    policy, start = POLICIES[name](), POLICIES[name]().eval()  # both of the same seed
    seen: list[tuple[dict[str, float], float, float]] = []

    def look(step: int, metrics: dict[str, float], rollout: Any) -> None:
        expected = plain_logprobs(start, rollout)
        error = (rollout.ref_logprobs - expected).abs().max().item()
        seen.append((metrics, error, (rollout.logprobs - expected).abs().max().item()))

    trainer = PPOTrainer(policy, share_of_a, CONFIG, PROMPTS, tokenizer, on_rollout=look)
    trainer.train()
    assert seen[0][0]["ppo/kl"] == pytest.approx(0, abs=1e-5)
    assert max(error for _, error, _ in seen) < 1e-4
    assert seen[-1][2] > 1e-2, "the policy has not moved, so the test could not fail"


@pytest.mark.parametrize(
    ("name", "is_free"),
    [("lora", True), ("dora", True), ("ia3", True), ("head saved", True), ("pissa", False), ("all biases", False)],
)
def test_nothing_is_kept_where_switching_adapters_off_will_do(name: str, is_free: bool, tokenizer: Any) -> None:
    policy = POLICIES[name]()
    trained = sum(one.numel() * 4 for one in policy.parameters() if one.requires_grad)
    trainer = PPOTrainer(policy, share_of_a, CONFIG, PROMPTS, tokenizer)
    assert trainer.reference.model is None
    assert trainer.reference.num_bytes == (0 if is_free else trained)


def test_a_resumed_run_has_the_reference_of_the_run_before(tokenizer: Any, tmp_path: Path) -> None:
    """Adapters drawn at random are drawn anew when a run is resumed."""

    def make(seed: int) -> Any:
        policy = llama()
        torch.manual_seed(seed)
        policy = peft.get_peft_model(policy, lora(init_lora_weights=False))
        config = dataclasses.replace(CONFIG, output_dir=str(tmp_path), save_steps=2, save_total_limit=None)
        logged: list[dict[str, float]] = []
        trainer = PPOTrainer(
            policy, share_of_a, config, PROMPTS, tokenizer, on_rollout=lambda _, metrics, __: logged.append(metrics)
        )
        return trainer, logged

    whole, whole_log = make(1)
    whole.train()
    resumed, resumed_log = make(2)
    resumed.train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))
    assert resumed_log[0]["ppo/kl"] == whole_log[2]["ppo/kl"] != 0


def test_a_reference_that_would_be_trained_too_is_refused(tokenizer: Any) -> None:
    base = llama()
    policy = peft.get_peft_model(base, lora())
    with pytest.raises(UserError, match="ref_model has weights of the model that are trained"):
        PPOTrainer(policy, share_of_a, CONFIG, PROMPTS, tokenizer, ref_model=base)


@pytest.mark.parametrize("name", ["on the embedding", "an unfrozen embedding", "all biases", "both saved", "pissa"])
def test_the_policy_saved_is_the_policy_trained(name: str, tokenizer: Any, tmp_path: Path) -> None:
    policy = POLICIES[name]()
    trainer = PPOTrainer(policy, share_of_a, CONFIG, PROMPTS, tokenizer)
    trainer.train()
    trainer.save_model(tmp_path)
    is_adapter = (tmp_path / "adapter_config.json").exists()
    assert is_adapter == (name != "an unfrozen embedding")
    saved: Any = LlamaForCausalLM.from_pretrained(tmp_path) if not is_adapter else None
    saved = saved or peft.PeftModel.from_pretrained(llama(), tmp_path)
    ids = torch.arange(8)[None]
    with torch.no_grad():
        torch.testing.assert_close(saved.eval()(ids).logits, trainer.model(ids).logits, atol=1e-5, rtol=1e-5)
