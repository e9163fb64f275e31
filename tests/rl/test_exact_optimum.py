"""PPO against the exact optimum of a task so small that all responses can be enumerated.

Six tokens, EOS among them, at most three steps, two prompts: 156 responses a prompt. The
KL-regularised optimum is J* = β log E_ref[exp(r/β)], and J(π) = E_π[r] − β KL(π ‖ π_ref)
is exact for any policy, so the trainer is judged by the share of the possible gain
(J(π) − J(π_ref)) / (J* − J(π_ref)) that it finds.

How far rewards spread, against β, decides what the test can tell: where they spread far, the KL hardly matters and
wrong penalties come out well. With σ = 2β even exact policy gradients with an absolute KL end at 0.75 of the gain.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rlaif.rl import advantages, rollout
from rlaif.rl.actor_critic.forward import ActionScores, ActorCritic
from rlaif.rl.config import PPOConfig
from rlaif.rl.functional import kl_penalty
from rlaif.rl.trainer import PPOTrainer

WORDS = ["<eos>", "a", "b", "c", "d", "e"]
PROMPTS = ["a", "b"]
BETA = 0.5
REWARD_STD = 1.5 * BETA
"""The rewards' standard deviation."""
EOS = 0


def all_responses() -> list[tuple[int, ...]]:
    """Every way to end: EOS after 0, 1 or 2 tokens, or three tokens without EOS."""
    words = range(1, len(WORDS))
    ended = [(*prefix, EOS) for length in range(3) for prefix in itertools.product(words, repeat=length)]
    return ended + list(itertools.product(words, repeat=3))


RESPONSES = all_responses()


def reward_table() -> Tensor:
    """[prompts, responses]: unrelated to each other, so that nothing but the rewards helps."""
    return REWARD_STD * torch.randn(len(PROMPTS), len(RESPONSES), generator=torch.Generator().manual_seed(1))


def to_text(response: tuple[int, ...]) -> str:
    return " ".join(WORDS[token] for token in response if token != EOS)


@torch.no_grad()
def response_logprobs(policy: nn.Module) -> Tensor:
    """[prompts, responses], by one plain forward pass a response, without dropout, as the trainer has it."""
    policy.eval()
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


def train(
    make_policy: Callable[..., nn.Module], tokenizer: Any, seed: int, break_it: Callable[[], None] = lambda: None
) -> float:
    """The share of the gain that the trainer's defaults reach; only sizes, rates and β are set.

    `break_it` is called when the trainer is made, which itself tries the policy's passes out.
    """
    table = {
        (prompt, to_text(response), response[-1] == EOS): reward_table()[i, j].item()
        for i, prompt in enumerate(PROMPTS)
        for j, response in enumerate(RESPONSES)
    }

    def reward(prompts: list[str], completions: list[str], **columns: Any) -> list[float]:
        return [table[prompt, text, len(text.split()) < 3] for prompt, text in zip(prompts, completions, strict=True)]

    policy = make_policy(vocab_size=len(WORDS), width=64, spread=0.02, seed=seed)
    ref_policy = copy.deepcopy(policy)
    config = PPOConfig(
        seed=seed, total_episodes=100 * 256, rollout_batch_size=256, per_device_train_batch_size=256,
        generation_batch_size=256, max_completion_length=3, max_prompt_length=4, learning_rate=8e-4, kl_coef=BETA,
    )  # fmt: skip
    trainer = PPOTrainer(policy, reward, config, [{"prompt": prompt} for prompt in PROMPTS], tokenizer)
    break_it()
    trainer.train()
    return share_of_gain(policy, ref_policy)


def reward_k3(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(advantages, "kl_penalty", lambda new, ref, _: kl_penalty(new, ref, "k3"))


def reward_no_kl(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(advantages, "kl_penalty", lambda new, ref, _: torch.zeros_like(new))


def reward_absolute_kl(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(advantages, "kl_penalty", lambda new, ref, _: kl_penalty(new, ref, "k1").abs())


def read_logprobs_off_by_one(patch: pytest.MonkeyPatch) -> None:
    """Each token is given the log-probability of the one before it, by the sampler, the reference and the update."""

    def late(scores: ActionScores, mask: Tensor) -> ActionScores:
        return scores._replace(logprobs=scores.logprobs.roll(1, dims=1).masked_fill(~mask, 0))

    plain_forward, plain_pad = ActorCritic.forward, rollout.sampled_tensors

    def forward(self: ActorCritic, input_ids: Tensor, action_mask: Tensor, **settings: Any) -> ActionScores:
        return late(plain_forward(self, input_ids, action_mask, **settings), action_mask)

    def pad(*arguments: Any) -> dict[str, Any]:
        found = plain_pad(*arguments)
        return found | {"logprobs": found["logprobs"].roll(1, dims=1).masked_fill(~found["action_mask"], 0)}

    patch.setattr(ActorCritic, "forward", forward)
    patch.setattr(rollout, "sampled_tensors", pad)


SEEDS = (0, 1, 2)


def test_there_are_156_responses() -> None:
    assert len(set(RESPONSES)) == 156


def test_a_share_is_measured_without_dropout(make_policy: Callable[..., nn.Module]) -> None:
    """Whatever mode the policies are in, and whatever the state of the random stream."""
    policy, ref_policy = (make_policy(vocab_size=len(WORDS), width=64, spread=0.3, seed=seed) for seed in (1, 0))
    assert policy.training and ref_policy.config.embd_pdrop > 0
    shares = []
    for seed in range(3):
        torch.manual_seed(seed)
        shares.append(share_of_gain(policy.train(), ref_policy.train()))
    assert shares[0] == shares[1] == shares[2]
    assert share_of_gain(ref_policy, ref_policy) == 0


@pytest.mark.slow
def test_the_defaults_find_the_optimum(
    make_policy: Callable[..., nn.Module], make_tokenizer: Callable[..., Any]
) -> None:
    shares = [train(make_policy, make_tokenizer(WORDS), seed) for seed in SEEDS]
    assert sum(shares) / len(shares) >= 0.9, shares


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS[:1])
@pytest.mark.parametrize("break_it", [reward_k3, reward_no_kl, reward_absolute_kl, read_logprobs_off_by_one])
def test_what_is_wrong_does_not(
    make_policy: Callable[..., nn.Module],
    make_tokenizer: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    break_it: Callable[[pytest.MonkeyPatch], None],
    seed: int,
) -> None:
    """The test can tell: each of these trains without any error, and estimates something else."""
    assert train(make_policy, make_tokenizer(WORDS), seed, partial(break_it, monkeypatch)) < 0.3
