"""From a rollout's scores to what each token is worth."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor, nn

from rlaif.rl.config import PPOConfig
from rlaif.rl.functional import gae, kl_penalty, masked_mean, masked_whiten, token_rewards
from rlaif.rl.moments import RunningMoments
from rlaif.rl.rollout import Rollout


def reward_tokens(rollout: Rollout, config: PPOConfig, kl_coef: float, moments: RunningMoments) -> Tensor:
    """r_t, [B, L]: −β·KL at every token, the score where it falls, and the EOS penalty at the last action."""
    scores = rollout.token_scores
    if config.scale_rewards:
        moments.add(rollout.scores)
        scores = scores / moments.std
    kl = (
        torch.zeros_like(scores)
        if rollout.ref_logprobs is None
        else kl_penalty(rollout.logprobs, rollout.ref_logprobs, "k1")
    )
    penalties = (config.missing_eos_penalty or 0.0) * (~rollout.ends_with_eos).float()
    return scores + token_rewards(-penalties, kl, rollout.action_mask, kl_coef)


def start_critic(value_head: Any, rollout: Rollout, rewards: Tensor, gamma: float) -> Rollout:
    """A new critic says the first rollout's mean return everywhere, and is then as good as a constant can be.

    From 0 it would have to learn the scores' mean first. Until then λ < 1 credits late tokens with
    it and blames early ones, whatever they are.
    """
    mask = rollout.action_mask
    returns, _ = gae(rewards, torch.zeros_like(rewards), mask, gamma, gae_lambda=1.0)
    mean = masked_mean(returns, mask)
    nn.init.constant_(value_head.linear.bias, mean.item())
    return dataclasses.replace(rollout, values=mean * mask)


def estimate_advantages(rollout: Rollout, rewards: Tensor, config: PPOConfig) -> tuple[Tensor, Tensor]:
    """Advantages (whitened if wanted) and returns, [B, L] each."""
    mask = rollout.action_mask
    if config.whiten_rewards:
        rewards = masked_whiten(rewards, mask, keep_mean=True)
    advantages, returns = gae(rewards, rollout.values, mask, config.gamma, config.lam)
    return masked_whiten(advantages, mask) if config.whiten_advantages else advantages, returns
