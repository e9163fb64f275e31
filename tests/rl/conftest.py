"""A tiny policy and a tokenizer of single words, made here: nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def tokenizer() -> Any:
    return build_tokenizer(["<eos>", "a", "b", "c", "d", "e", "f", "g"])


@pytest.fixture
def make_tokenizer() -> Callable[[list[str]], Any]:
    return build_tokenizer


@pytest.fixture
def make_policy() -> Callable[..., GPT2LMHeadModel]:
    return build_policy


def build_tokenizer(words: list[str]) -> Any:
    """The first word is EOS and padding at once, as with GPT-2."""
    core = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token=words[1]))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=core, eos_token=words[0], pad_token=words[0])


def build_policy(
    vocab_size: int = 8, seed: int = 0, width: int = 32, num_layers: int = 2, spread: float = 0.3
) -> GPT2LMHeadModel:
    """A random GPT-2 with dropout in its config; `spread` makes its logits uneven."""
    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=vocab_size, n_embd=width, n_layer=num_layers, n_head=2, n_positions=64,
        bos_token_id=0, eos_token_id=0, initializer_range=spread,
    )  # fmt: skip
    return GPT2LMHeadModel(config)
