"""What PPO logs after each rollout."""

from __future__ import annotations

import math

from torch import Tensor

from rlaif.rl.config import PPOConfig
from rlaif.rl.functional import explained_variance, kl_penalty, masked_mean
from rlaif.rl.rollout import Rollout
from rlaif.rl.update import UpdateStatistics


def rollout_metrics(
    rollout: Rollout,
    rewards: Tensor,
    returns: Tensor,
    statistics: UpdateStatistics,
    config: PPOConfig,
    kl_coef: float,
    learning_rate: float,
    update_seconds: float,
) -> dict[str, float]:
    """Metrics by name. A mean is over samples or over real tokens, never over padding or minibatches.

    Those about the rollout describe the policy before the update, over the scored samples. A
    metric that cannot be computed, such as the explained variance of constant returns, is not there.

    score_mean            the reward functions' weighted sum, a sample
    reward_mean           what PPO maximises: score less EOS and KL penalties, a sample
    score/<function>      each reward function's own mean
    kl, kl_per_token, k3  KL to the reference in nats: k1 a sequence, k1 a token, k3 a token
    entropy               nats a token
    ratio_mean            π/π_old, over all optimizer steps; far from 1: too large steps
    clip_fraction, value_clip_fraction, policy_loss, value_loss: over all optimizer steps
    explained_variance    of the returns by the critic; 1 is perfect, below 0 worse than a constant
    eos_rate              completions that ended by themselves
    completion_length     tokens, EOS included
    grad_norm             before clipping, mean over optimizer steps
    kl_coef, learning_rate: as used in this rollout
    num_left_out          samples without a reward
    num_prompts_cut       prompts longer than max_prompt_tokens
    generation_tokens_per_second, update_tokens_per_second: completion tokens
    generation_seconds, reward_seconds, update_seconds
    """
    mask = rollout.action_mask
    num_tokens = int(mask.sum())
    k1 = kl_penalty(rollout.logprobs, rollout.ref_logprobs, "k1")
    k3 = kl_penalty(rollout.logprobs, rollout.ref_logprobs, "k3")
    metrics = {
        "score_mean": rollout.scores.mean().item(),
        "reward_mean": rewards.sum(1).mean().item(),
        **{f"score/{name}": mean for name, mean in rollout.reward_means.items()},
        "kl": k1.sum(1).mean().item(),
        "kl_per_token": masked_mean(k1, mask).item(),
        "k3": masked_mean(k3, mask).item(),
        "entropy": masked_mean(rollout.entropy, mask).item(),
        "ratio_mean": statistics.ratio_mean,
        "clip_fraction": statistics.clip_fraction,
        "value_clip_fraction": statistics.value_clip_fraction,
        "explained_variance": explained_variance(rollout.values, returns, mask).item(),
        "eos_rate": rollout.ends_with_eos.float().mean().item(),
        "completion_length": num_tokens / len(mask),
        "grad_norm": statistics.grad_norm,
        "kl_coef": kl_coef,
        "learning_rate": learning_rate,
        "policy_loss": statistics.policy_loss,
        "value_loss": statistics.value_loss,
        "num_left_out": float(rollout.num_left_out),
        "num_prompts_cut": float(rollout.num_prompts_cut),
        "generation_tokens_per_second": rollout.num_sampled_tokens / rollout.generation_seconds,
        "update_tokens_per_second": num_tokens * config.num_ppo_epochs / update_seconds,
        "generation_seconds": rollout.generation_seconds,
        "reward_seconds": rollout.reward_seconds,
        "update_seconds": update_seconds,
    }
    return {f"ppo/{name}": value for name, value in metrics.items() if math.isfinite(value)}
