"""From scores to token rewards, and the running moments that scale them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from rlaif.rl.advantages import reward_tokens
from rlaif.rl.config import PPOConfig
from rlaif.rl.moments import RunningMoments

MASK = torch.tensor([[False, True, True, False], [False, False, True, True]])


def make_rollout(**changes: Any) -> Any:
    fields = {
        "scores": torch.tensor([1.0, 2.0]), "ends_with_eos": torch.tensor([True, False]), "action_mask": MASK,
        "logprobs": torch.tensor([[0, -1.0, -2.0, 0], [0, 0, -1.0, -3.0]]), "ref_logprobs": None,
        "token_scores": torch.tensor([[0, 0, 1.0, 0], [0, 0, 0, 2.0]]),
    }  # fmt: skip
    return SimpleNamespace(**(fields | changes))


def test_scores_are_at_the_last_action_and_a_missing_eos_is_punished() -> None:
    rewards = reward_tokens(make_rollout(), PPOConfig(missing_eos_penalty=0.75), 0.5, RunningMoments())
    assert rewards.tolist() == [[0, 0, 1.0, 0], [0, 0, 0, 1.25]]
    rewards = reward_tokens(make_rollout(), PPOConfig(), 0.5, RunningMoments())
    assert rewards.tolist() == [[0, 0, 1.0, 0], [0, 0, 0, 2.0]]


def test_the_kl_penalty_is_at_every_action() -> None:
    rollout = make_rollout(ref_logprobs=torch.tensor([[0, -1.5, -1.0, 0], [0, 0, -1.0, -2.0]]))
    rewards = reward_tokens(rollout, PPOConfig(), 0.5, RunningMoments())
    assert rewards.tolist() == [[0, -0.25, 1.5, 0], [0, 0, 0, 2.5]]


def test_token_level_scores_stay_where_they_fall() -> None:
    rollout = make_rollout(token_scores=torch.tensor([[0, 0.5, 0.5, 0], [0, 0, 1.0, 1.0]]))
    rewards = reward_tokens(rollout, PPOConfig(missing_eos_penalty=0.25), 0.5, RunningMoments())
    assert rewards.tolist() == [[0, 0.5, 0.5, 0], [0, 0, 1.0, 0.75]]


def test_scaled_rewards_have_the_running_deviation() -> None:
    moments = RunningMoments()
    moments.add(torch.tensor([5.0, -5.0]))
    rewards = reward_tokens(make_rollout(), PPOConfig(scale_rewards=True), 0.5, moments)
    std = np.std([5.0, -5.0, 1.0, 2.0])
    assert rewards.sum(1).tolist() == pytest.approx([1 / std, 2 / std], rel=1e-6)


def test_running_moments_equal_numpys_over_all_numbers() -> None:
    parts = [torch.randn(n, generator=torch.Generator().manual_seed(n)) * n + 100 for n in (1, 7, 30)]
    moments = RunningMoments()
    for part in parts:
        moments.add(part)
    everything = torch.cat(parts).double().numpy()
    assert moments.mean == pytest.approx(everything.mean(), rel=1e-12)
    assert moments.std == pytest.approx(everything.std(), rel=1e-9)
    assert RunningMoments().std == 1.0
    again = RunningMoments()
    again.load_state_dict(moments.state_dict())
    assert again == moments
