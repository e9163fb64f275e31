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
    """
    metrics = {
        **objective_metrics(rollout, rewards, kl_coef),
        **completion_metrics(rollout),
        "ratio_mean": statistics.ratio_mean,
        "ratio_max": statistics.ratio_max,
        "step_kl": statistics.step_kl,
        "clip_fraction": statistics.clip_fraction,
        "value_clip_fraction": statistics.value_clip_fraction,
        "explained_variance": explained_variance(rollout.values, returns, rollout.action_mask).item(),
        "grad_norm": statistics.grad_norm,
        "policy_loss": statistics.policy_loss,
        "ptx_loss": statistics.ptx_loss,
        "value_loss": statistics.value_loss,
        "learning_rate": learning_rate,
        "num_optimizer_steps": float(statistics.num_steps),
        **speed_metrics(rollout, config, statistics, update_seconds),
    }
    return {f"ppo/{name}": value for name, value in metrics.items() if math.isfinite(value)}


def objective_metrics(rollout: Rollout, rewards: Tensor, kl_coef: float) -> dict[str, float]:
    """
    score_mean          the reward functions' weighted sum, a sample: the reward before the KL penalty
    score_std           its standard deviation over samples
    reward_mean         what PPO maximises, a sample: score less EOS and KL penalties
    score/<function>    each reward function's own mean; and what functions passed to log_metric, under its own name
    kl, kl_per_token    k1 to the reference, nats: a sequence's sum, and a token's mean
    k3, k3_per_sequence k3 to the reference, which is never negative
    kl_coef             β as used
    """
    mask = rollout.action_mask
    metrics = {
        "score_mean": rollout.scores.mean().item(),
        "score_std": rollout.scores.std(correction=0).item(),
        "reward_mean": rewards.sum(1).mean().item(),
        **{f"score/{name}": mean for name, mean in rollout.reward_means.items()},
        **rollout.reward_metrics,
        "kl_coef": kl_coef,
    }
    if rollout.ref_logprobs is None:
        return metrics
    k1 = kl_penalty(rollout.logprobs, rollout.ref_logprobs, "k1")
    k3 = kl_penalty(rollout.logprobs, rollout.ref_logprobs, "k3")
    return metrics | {
        "kl": k1.sum(1).mean().item(),
        "kl_per_token": masked_mean(k1, mask).item(),
        "k3": masked_mean(k3, mask).item(),
        "k3_per_sequence": k3.masked_fill(~mask, 0).sum(1).mean().item(),
    }


def completion_metrics(rollout: Rollout) -> dict[str, float]:
    """
    entropy             nats a token
    eos_rate            completions that ended by themselves
    completion_length   tokens, EOS included; with _min and _max
    num_left_out        samples without a reward
    num_prompts_cut     prompts longer than max_prompt_length
    sampler_ratio_mean  π_trainer/π_sampler, capped, where importance_sampling_cap is set
    """
    lengths = rollout.action_mask.sum(1).float()
    metrics = {
        "entropy": masked_mean(rollout.entropy, rollout.action_mask).item(),
        "eos_rate": rollout.ends_with_eos.float().mean().item(),
        "completion_length": lengths.mean().item(),
        "completion_length_min": lengths.min().item(),
        "completion_length_max": lengths.max().item(),
        "num_left_out": float(rollout.num_left_out),
        "num_prompts_cut": float(rollout.num_prompts_cut),
    }
    if rollout.importance_weights is not None:
        metrics["sampler_ratio_mean"] = masked_mean(rollout.importance_weights, rollout.action_mask).item()
    return metrics


def speed_metrics(
    rollout: Rollout, config: PPOConfig, statistics: UpdateStatistics, update_seconds: float
) -> dict[str, float]:
    """
    generation_, scoring_, update_tokens_per_second   completion tokens; of the update: those of all its passes
    generation_, reward_, scoring_, update_seconds    rewards: what they took beyond the decoding
    """
    num_tokens = int(rollout.action_mask.sum())
    passes = statistics.num_steps / config.num_mini_batches
    return {
        "generation_tokens_per_second": rollout.num_sampled_tokens / rollout.generation_seconds,
        "scoring_tokens_per_second": num_tokens / rollout.scoring_seconds,
        "update_tokens_per_second": num_tokens * passes / update_seconds,
        "generation_seconds": rollout.generation_seconds,
        "reward_seconds": rollout.reward_seconds,
        "scoring_seconds": rollout.scoring_seconds,
        "update_seconds": update_seconds,
    }
