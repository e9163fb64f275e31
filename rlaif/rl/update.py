"""PPO's optimisation: several epochs of minibatches over one rollout."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rlaif.rl.config import PPOConfig
from rlaif.rl.forward import score_actions, training_precision
from rlaif.rl.functional import masked_sum, policy_loss, value_loss
from rlaif.rl.rollout import Rollout, micro_batches


@dataclass(frozen=True)
class UpdateStatistics:
    """Means over all tokens of all optimizer steps of one rollout, unless told otherwise."""

    policy_loss: float
    value_loss: float
    ratio_mean: float
    clip_fraction: float
    """Tokens where the clipped branch of the policy loss decides."""
    value_clip_fraction: float
    grad_norm: float
    """Mean over optimizer steps, before clipping."""
    num_steps: int


def update(
    policy: nn.Module,
    value_head: nn.Module,
    optimizer: torch.optim.Optimizer,
    rollout: Rollout,
    advantages: Tensor,
    returns: Tensor,
    config: PPOConfig,
    generator: torch.Generator,
) -> UpdateStatistics:
    """num_ppo_epochs × num_mini_batches optimizer steps; `generator` (CPU) shuffles the samples.

    A minibatch's loss is the sum over its tokens divided by their number, so that neither the
    size of micro-batches nor padding changes it.

    Raises:
        FloatingPointError: a loss or gradient that is not finite; the optimizer has then not
            taken the step.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    sums: dict[str, float] = defaultdict(float)
    grad_norms = []
    for _ in range(config.num_ppo_epochs):
        order = torch.randperm(len(rollout.lengths), generator=generator).to(advantages.device)
        for minibatch in order.tensor_split(min(config.num_mini_batches, len(order))):
            optimizer.zero_grad(set_to_none=True)
            num_tokens = int(rollout.action_mask[minibatch].sum())
            for rows, longest in micro_batches(minibatch, rollout.lengths, config.micro_batch_size):
                totals = micro_batch_totals(policy, value_head, rollout, advantages, returns, config, rows, longest)
                loss = totals["policy_loss"] + config.vf_coef * totals["value_loss"]
                (loss / num_tokens).backward()
                for name, total in totals.items():
                    sums[name] += total.item()
            grad_norm = nn.utils.clip_grad_norm_(parameters, config.max_grad_norm).item()
            if not (math.isfinite(grad_norm) and math.isfinite(sums["policy_loss"] + sums["value_loss"])):
                raise FloatingPointError(
                    f"policy loss {totals['policy_loss'].item() / num_tokens:g}, "
                    f"value loss {totals['value_loss'].item() / num_tokens:g}, gradient norm {grad_norm:g}"
                )
            optimizer.step()
            grad_norms.append(grad_norm)
    num_tokens_seen = int(rollout.action_mask.sum()) * config.num_ppo_epochs
    return UpdateStatistics(
        **{name: total / num_tokens_seen for name, total in sums.items()},
        grad_norm=sum(grad_norms) / len(grad_norms),
        num_steps=len(grad_norms),
    )


def micro_batch_totals(
    policy: nn.Module,
    value_head: nn.Module,
    rollout: Rollout,
    advantages: Tensor,
    returns: Tensor,
    config: PPOConfig,
    rows: Tensor,
    longest: int,
) -> dict[str, Tensor]:
    """Sums over the tokens of some rows: both losses with their graphs, and what is logged."""
    mask = rollout.action_mask[rows, :longest]
    old_logprobs = rollout.logprobs[rows, :longest]
    with training_precision(mask.device, config.precision):
        now = score_actions(
            policy,
            rollout.input_ids[rows, :longest],
            mask,
            temperature=config.temperature,
            value_head=value_head,
        )
    assert now.values is not None
    actor = policy_loss(now.logprobs, old_logprobs, advantages[rows, :longest], config.clip_range)
    critic = value_loss(now.values, rollout.values[rows, :longest], returns[rows, :longest], config.clip_range_value)
    ratio = torch.exp(now.logprobs.detach() - old_logprobs)
    return {
        "policy_loss": masked_sum(actor.loss, mask),
        "value_loss": masked_sum(critic.loss, mask),
        "ratio_mean": masked_sum(ratio, mask),
        "clip_fraction": masked_sum(actor.clipped, mask),
        "value_clip_fraction": masked_sum(critic.clipped, mask),
    }
