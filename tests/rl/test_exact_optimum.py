"""PPO against the exact optimum of a task so small that all responses can be enumerated.

Six tokens, EOS among them, at most three steps, two prompts: 156 responses a prompt. The
KL-regularised optimum is J* = β log E_ref[exp(r/β)], and J(π) = E_π[r] − β KL(π ‖ π_ref)
is exact for any policy, so the trainer is judged by the share of the possible gain
(J(π) − J(π_ref)) / (J* − J(π_ref)) that it finds.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rlaif.rl import trainer as trainer_module
from rlaif.rl.config import PPOConfig
from rlaif.rl.functional import kl_penalty
from rlaif.rl.trainer import PPOTrainer

WORDS = ["<eos>", "a", "b", "c", "d", "e"]
PROMPTS = ["a", "b"]
BETA = 0.5
EOS = 0


def all_responses() -> list[tuple[int, ...]]:
    """Every way to end: EOS after 0, 1 or 2 tokens, or three tokens without EOS."""
    words = range(1, len(WORDS))
    ended = [(*prefix, EOS) for length in range(3) for prefix in itertools.product(words, repeat=length)]
    return ended + list(itertools.product(words, repeat=3))


RESPONSES = all_responses()


def reward_table() -> Tensor:
    """[prompts, responses]: unrelated to each other, so that nothing but the rewards helps."""
    return torch.randn(len(PROMPTS), len(RESPONSES), generator=torch.Generator().manual_seed(1))


def to_text(response: tuple[int, ...]) -> str:
    return " ".join(WORDS[token] for token in response if token != EOS)


@torch.no_grad()
def response_logprobs(policy: nn.Module) -> Tensor:
    """[prompts, responses], by one plain forward pass a response."""
    rows = []
    for prompt in PROMPTS:
        logprobs = []
        for response in RESPONSES:
            ids = torch.tensor([[WORDS.index(prompt), *response]])
            steps = policy(input_ids=ids).logits[0, :-1].log_softmax(-1)
            logprobs.append(steps.gather(1, ids[0, 1:, None]).sum())
        rows.append(torch.stack(logprobs))
    return torch.stack(rows)


def share_of_gain(policy: nn.Module, ref_policy: nn.Module) -> float:
    rewards, logprobs, ref_logprobs = reward_table(), response_logprobs(policy), response_logprobs(ref_policy)
    torch.testing.assert_close(logprobs.exp().sum(1), torch.ones(len(PROMPTS)))  # nothing is missing
    best = BETA * torch.logsumexp(ref_logprobs + rewards / BETA, dim=1).mean()
    start = (ref_logprobs.exp() * rewards).sum(1).mean()
    reached = (logprobs.exp() * (rewards - BETA * (logprobs - ref_logprobs))).sum(1).mean()
    return ((reached - start) / (best - start)).item()


def train(make_policy: Callable[..., nn.Module], tokenizer: Any, num_rollouts: int) -> float:
    table = {
        (prompt, to_text(response), response[-1] == EOS): reward_table()[i, j].item()
        for i, prompt in enumerate(PROMPTS)
        for j, response in enumerate(RESPONSES)
    }

    def reward(prompts: list[str], completions: list[str], **columns: Any) -> list[float]:
        return [table[prompt, text, len(text.split()) < 3] for prompt, text in zip(prompts, completions, strict=True)]

    policy = make_policy(vocab_size=len(WORDS), width=64, spread=0.02)
    ref_policy = copy.deepcopy(policy)
    config = PPOConfig(
        seed=0, max_new_tokens=3, max_prompt_tokens=4, num_rollouts=num_rollouts, rollout_batch_size=256,
        generation_batch_size=256, micro_batch_size=256, num_mini_batches=2, learning_rate=7e-4,
        kl_coef=BETA, vf_coef=0.5, missing_eos_penalty=None,
    )  # fmt: skip
    PPOTrainer(policy, ref_policy, tokenizer, reward, [{"prompt": prompt} for prompt in PROMPTS], config).train()
    return share_of_gain(policy, ref_policy)


def test_there_are_156_responses() -> None:
    assert len(set(RESPONSES)) == 156


@pytest.mark.slow
def test_finds_the_optimum(make_policy: Callable[..., nn.Module], make_tokenizer: Callable[..., Any]) -> None:
    assert train(make_policy, make_tokenizer(WORDS), num_rollouts=120) >= 0.9


@pytest.mark.slow
def test_k3_in_the_reward_does_not(
    make_policy: Callable[..., nn.Module], make_tokenizer: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test can tell a wrong gradient: k3 estimates the KL well, and as a reward it fails."""
    monkeypatch.setattr(trainer_module, "kl_penalty", lambda new, ref, _: kl_penalty(new, ref, "k3"))
    assert train(make_policy, make_tokenizer(WORDS), num_rollouts=120) < 0.5
