"""Tiny causal models of two families, random and uneven enough to tell right from wrong."""

from __future__ import annotations

from typing import Any

import torch
from transformers import GPT2Config, GPT2LMHeadModel, MistralConfig, MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM

VOCAB_SIZE = 600
SMALL = {
    "vocab_size": VOCAB_SIZE, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64, "initializer_range": 0.3,
    "bos_token_id": None, "eos_token_id": 0, "pad_token_id": None,
}  # fmt: skip


def gpt2(**changes: Any) -> GPT2LMHeadModel:
    """Tied embeddings, learned positions."""
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=VOCAB_SIZE, n_embd=32, n_layer=2, n_head=4, n_positions=64, initializer_range=0.3,
        bos_token_id=0, eos_token_id=0, **changes,
    )  # fmt: skip
    return GPT2LMHeadModel(config)


def qwen2(**changes: Any) -> Qwen2ForCausalLM:
    """Untied embeddings, rotary positions, grouped heads."""
    torch.manual_seed(0)
    return Qwen2ForCausalLM(Qwen2Config(**{**SMALL, "tie_word_embeddings": False, **changes}))


def mistral(**changes: Any) -> MistralForCausalLM:
    """A window of 4 tokens: nothing is packed."""
    torch.manual_seed(0)
    return MistralForCausalLM(MistralConfig(**{**SMALL, "sliding_window": 4, **changes}))
