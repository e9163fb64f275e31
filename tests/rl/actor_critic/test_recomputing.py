"""Layers that are recomputed in eval mode: no dropout under any name, the same gradients, and less kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    FalconConfig,
    FalconForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    GPTBigCodeConfig,
    GPTBigCodeForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    Starcoder2Config,
    Starcoder2ForCausalLM,
)

from rlaif.errors import UserError
from rlaif.rl.actor_critic.recomputing import recompute_layers
from rlaif.rl.config import PPOConfig
from rlaif.rl.trainer import PPOTrainer
from tests.rl.architectures import SMALL
from tests.rl.conftest import build_policy

HALF = 0.5
SIZE = {"vocab_size": 8, "hidden_size": 32, "num_attention_heads": 2, "bos_token_id": 0, "eos_token_id": 0}
LLAMA = {**SMALL, "vocab_size": 8}
NOISY: dict[str, Callable[[], nn.Module]] = {
    "OPT": lambda: OPTForCausalLM(OPTConfig(
        **SIZE, ffn_dim=48, num_hidden_layers=2, max_position_embeddings=64, word_embed_proj_dim=32, pad_token_id=0,
        dropout=HALF, attention_dropout=HALF, layerdrop=HALF,
    )),
    "GPT-BigCode": lambda: GPTBigCodeForCausalLM(GPTBigCodeConfig(
        vocab_size=8, n_embd=32, n_layer=2, n_head=2, n_positions=64, bos_token_id=0, eos_token_id=0,
        resid_pdrop=HALF, embd_pdrop=HALF, attn_pdrop=HALF,
    )),
    "BLOOM": lambda: BloomForCausalLM(BloomConfig(
        vocab_size=8, hidden_size=32, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0,
        hidden_dropout=HALF, attention_dropout=HALF,
    )),
    "Falcon": lambda: FalconForCausalLM(FalconConfig(
        **SIZE, num_hidden_layers=2, hidden_dropout=HALF, attention_dropout=HALF,
    )),
    "StarCoder2": lambda: Starcoder2ForCausalLM(Starcoder2Config(
        **LLAMA, residual_dropout=HALF, embedding_dropout=HALF, attention_dropout=HALF,
    )),
    "Mixtral": lambda: MixtralForCausalLM(MixtralConfig(
        **LLAMA, num_local_experts=4, num_experts_per_tok=2, router_jitter_noise=HALF, attention_dropout=HALF,
    )),
}  # fmt: skip


def trainer(model: nn.Module, tokenizer: Any, **changes: Any) -> tuple[PPOTrainer, list[dict[str, float]]]:
    """One rollout, and one step on it."""
    config = PPOConfig(
        max_completion_length=6, max_prompt_length=8, total_episodes=8, rollout_batch_size=8, num_ppo_epochs=1,
        num_mini_batches=1, per_device_train_batch_size=3, learning_rate=1e-3, gradient_checkpointing=True,
    )  # fmt: skip
    logged: list[dict[str, float]] = []
    prompts = [{"prompt": text} for text in ("a b", "c", "d e f", "g")]
    return PPOTrainer(
        model.train(), lambda completions, **_: [float(len(text)) for text in completions], config, prompts, tokenizer,
        on_rollout=lambda _, metrics, __: logged.append(metrics), **changes,
    ), logged  # fmt: skip


@pytest.mark.parametrize("name", NOISY)
def test_the_first_ratio_is_1(name: str, tokenizer: Any) -> None:
    torch.manual_seed(0)
    ppo, logged = trainer(NOISY[name](), tokenizer)
    ppo.train()
    assert logged[0]["ppo/ratio_max"] == pytest.approx(1, abs=1e-4)


def test_a_critic_of_its_own_has_no_dropout_and_is_recomputed(tokenizer: Any) -> None:
    torch.manual_seed(0)
    critic = NOISY["OPT"]()
    ppo, _ = trainer(build_policy(), tokenizer, value_model=critic)
    nn.init.normal_(ppo.actor_critic.value_head.linear.weight)
    runs = []
    ppo.actor_critic.value_trunk.decoder.layers[0].fc1.register_forward_hook(lambda *_: runs.append(1))
    ids = torch.tensor([[1, 2, 3, 4, 5]])
    mask = torch.tensor([[False, False, True, True, True]])
    first, second = (ppo.actor_critic(ids, mask).values for _ in range(2))
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    assert len(runs) == 2
    first.sum().backward()
    assert len(runs) == 3


def test_less_is_kept_and_the_gradients_stay() -> None:
    def measure(recomputed: bool) -> tuple[int, list[torch.Tensor]]:
        torch.manual_seed(0)
        model = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_embd=32, n_layer=4, n_head=2, n_positions=64)).eval()
        if recomputed:
            recompute_layers(model)
        kept: list[int] = []
        ids = torch.arange(40)[None]
        with torch.autograd.graph.saved_tensors_hooks(lambda one: kept.append(one.numel()) or one, lambda one: one):
            loss = model(input_ids=ids, use_cache=False).logits.float().logsumexp(-1).sum()
        loss.backward()
        return sum(kept), [one.grad for one in model.parameters()]

    (whole, expected), (less, found) = measure(False), measure(True)
    assert less < 0.5 * whole
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_a_model_without_layers_is_refused() -> None:
    model = GPT2LMHeadModel(GPT2Config(vocab_size=8, n_embd=8, n_layer=0, n_head=2, n_positions=8))
    with pytest.raises(UserError, match="gradient_checkpointing: no layers are found in GPT2LMHeadModel"):
        recompute_layers(model)
