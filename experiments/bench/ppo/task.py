"""What both trainers are given: a policy, a reward model, prompts and settings, as files.

    python -m experiments.bench.ppo.task DIR LAYERSxWIDTH natural|fixed

The models are GPT-2s with random weights and vocabulary 50,257. A word is a token, so that a
prompt's text and its ids are each other's image. How likely an EOS is has to be the same for
both trainers, and GPT-2's head has no bias: one component of the last hidden state is fixed at
1, and only two tokens have a weight there, EOS (the wanted log-odds) and PAD (never sampled,
because TRL takes a PAD for the end).
"""

from __future__ import annotations

import json
import math
import random
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VOCABULARY = 50257
PAD_ID, EOS_ID = 0, VOCABULARY - 1
NUM_PROMPTS = 16
PROMPT_TOKENS = (16, 96)
MAX_NEW_TOKENS = 48
NUM_EPOCHS = 4
MEAN_NATURAL_TOKENS = 20.0
NEVER = -30.0
"""A logit that is never sampled."""

SETTINGS = {
    "learning_rate": 1e-5,
    "weight_decay": 0.0,
    "num_ppo_epochs": NUM_EPOCHS,
    "num_mini_batches": 1,
    "temperature": 1.0,
    "kl_coef": 0.05,
    "cliprange": 0.2,
    "cliprange_value": 0.2,
    "vf_coef": 0.1,
    "gamma": 1.0,
    "lam": 0.95,
    "missing_eos_penalty": 1.0,
}
"""The names are TRL's; both trainers get all of them."""


@dataclass(frozen=True)
class Task:
    """A written task."""

    directory: Path

    @property
    def policy(self) -> str:
        return str(self.directory / "policy")

    @property
    def reward_model(self) -> str:
        return str(self.directory / "reward")

    def prompts(self) -> list[list[int]]:
        rows: list[list[int]] = json.loads((self.directory / "prompts.json").read_text(encoding="utf-8"))
        return rows


def word(token_id: int) -> str:
    return {PAD_ID: "[PAD]", EOS_ID: "[EOS]"}.get(token_id, f"w{token_id}")


def text_of(token_ids: list[int]) -> str:
    return " ".join(map(word, token_ids))


def draw_prompts(seed: int = 0) -> list[list[int]]:
    """Lengths evenly from the shortest to the longest, so that no draw makes a task easier."""
    source = random.Random(seed)
    shortest, longest = PROMPT_TOKENS
    lengths = [shortest + round(i * (longest - shortest) / (NUM_PROMPTS - 1)) for i in range(NUM_PROMPTS)]
    source.shuffle(lengths)
    return [[source.randrange(1, EOS_ID) for _ in range(length)] for length in lengths]


def write_task(directory: Path, num_layers: int, width: int, natural: bool) -> None:
    """Weights, tokenizer and prompts; equal arguments write equal files."""
    import torch
    from transformers import GPT2Config, GPT2ForSequenceClassification, GPT2LMHeadModel

    prompts = draw_prompts()
    torch.manual_seed(0)
    settings: dict[str, Any] = {
        "vocab_size": VOCABULARY, "n_layer": num_layers, "n_embd": width, "n_head": max(4, width // 64),
        "bos_token_id": EOS_ID, "eos_token_id": EOS_ID, "pad_token_id": PAD_ID,
        "resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0, "num_labels": 1,
    }  # fmt: skip
    policy = GPT2LMHeadModel(GPT2Config(**settings)).eval()
    set_eos_logit(policy, eos_logit(policy, prompts) if natural else NEVER)
    reward_model = GPT2ForSequenceClassification(GPT2Config(**settings))
    tokenizer = make_tokenizer()
    for model, name in ((policy, "policy"), (reward_model, "reward")):
        model.save_pretrained(directory / name)
        tokenizer.save_pretrained(directory / name)
    (directory / "prompts.json").write_text(json.dumps(prompts), encoding="utf-8")


def eos_logit(policy: Any, prompts: list[list[int]]) -> float:
    """The logit at which EOS has the probability that makes MEAN_NATURAL_TOKENS the mean length."""
    import torch

    set_eos_logit(policy, NEVER)
    with torch.no_grad():
        rest = [policy(torch.tensor([ids])).logits[0, -1].logsumexp(-1).item() for ids in prompts]
    chance = chance_of_eos(MEAN_NATURAL_TOKENS)
    return sum(rest) / len(rest) + math.log(chance / (1 - chance))


def chance_of_eos(mean_tokens: float) -> float:
    """p where (1 − (1 − p)^n) / p, the mean length of at most n tokens, is the wanted one; by bisection."""
    low, high = 1e-6, 1.0
    for _ in range(60):
        p = (low + high) / 2
        low, high = (p, high) if (1 - (1 - p) ** MAX_NEW_TOKENS) / p > mean_tokens else (low, p)
    return p


def set_eos_logit(policy: Any, logit: float) -> None:
    """EOS has this logit in every state, PAD has NEVER."""
    import torch

    with torch.no_grad():
        policy.transformer.ln_f.weight[0] = 0.0
        policy.transformer.ln_f.bias[0] = 1.0
        embeddings = policy.transformer.wte.weight  # the head's too
        embeddings[:, 0] = 0.0
        embeddings[[EOS_ID, PAD_ID]] = 0.0
        embeddings[EOS_ID, 0] = logit
        embeddings[PAD_ID, 0] = NEVER


def make_tokenizer() -> Any:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word(token_id): token_id for token_id in range(VOCABULARY)}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token=word(PAD_ID)))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=word(EOS_ID), pad_token=word(PAD_ID), padding_side="left"
    )


if __name__ == "__main__":
    num_layers, width = map(int, sys.argv[2].split("x"))
    write_task(Path(sys.argv[1]), num_layers, width, natural=sys.argv[3] == "natural")
