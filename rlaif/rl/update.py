"""PPO's optimisation: several epochs of minibatches over one rollout."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rlaif.rl.actor_critic.forward import training_precision
from rlaif.rl.config import PPOConfig
from rlaif.rl.functional import kl_penalty, masked_sum, policy_loss, value_loss
from rlaif.rl.micro_batches import MicroBatch, micro_batches
from rlaif.rl.processes import Processes
from rlaif.rl.ptx import PtxTexts, backward_ptx
from rlaif.rl.rollout import Rollout


@dataclass(frozen=True)
class UpdateStatistics:
    """Means over all tokens of all optimizer steps of one rollout, unless told otherwise."""

    policy_loss: float
    value_loss: float
    entropy_bonus: float
    """Nats a token, as the loss has it; 0 where ent_coef is."""
    ptx_loss: float
    """Nats a token of PPO-ptx's texts; a mean over optimizer steps, NaN without them."""
    ratio_mean: float
    ratio_max: float
    """Of all tokens."""
    step_kl: float
    """k3 between the policy and the one that sampled, nats a token."""
    clip_fraction: float
    """Tokens where the clipped branch of the policy loss decides."""
    value_clip_fraction: float
    grad_norm: float
    """Mean over optimizer steps, before clipping."""
    num_steps: int
    """Optimizer steps taken."""
    stopped_early: bool
    """Whether early_stop_kl ended the update."""


SUMMED = ("policy_loss", "value_loss", "entropy_bonus", "ratio_mean", "step_kl", "clip_fraction", "value_clip_fraction")


def update(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    rollout: Rollout,
    advantages: Tensor,
    returns: Tensor,
    config: PPOConfig,
    generator: torch.Generator,
    processes: Processes,
    *,
    critic_only: bool = False,
    ptx: Iterator[PtxTexts] | None = None,
) -> UpdateStatistics:
    """num_ppo_epochs × num_mini_batches optimizer steps; `generator` (CPU) shuffles the samples.

    A minibatch's loss is the sum over its tokens divided by their number, so that neither the
    size of micro-batches, nor padding, nor the number of processes changes it.

    Args:
        model: the actor and its critic, as the processes train it together.
        critic_only: the policy's own parameters stay as they are (param groups not marked "critic").
        ptx: for each optimizer step, texts whose likelihood is part of the loss; none are taken for the critic alone.

    Raises:
        FloatingPointError: a loss or gradient that is not finite; the optimizer has then not
            taken the step.
    """
    sums, grad_norms, ptx_losses = dict.fromkeys(SUMMED, 0.0), [], []
    num_tokens_seen, ratio_max, stopped_early = 0, 0.0, False
    for _ in range(config.num_ppo_epochs):
        order = torch.randperm(len(rollout.lengths), generator=generator).to(advantages.device)
        for rows in order.tensor_split(min(config.num_mini_batches, len(order))):
            optimizer.zero_grad(set_to_none=True)
            if ptx is not None and not critic_only:  # before PPO's own passes, the last of which exchanges gradients
                ptx_losses.append(backward_ptx(model, next(ptx), config, processes))
            totals, num_tokens, highest = backward(model, rollout, advantages, returns, config, rows, processes)
            ratio_max, num_tokens_seen = max(ratio_max, highest), num_tokens_seen + num_tokens
            for name, total in totals.items():
                sums[name] += total
            if config.early_stop_kl is not None and totals["step_kl"] / num_tokens > config.early_stop_kl:
                stopped_early = True
                break
            grad_norms.append(take_step(optimizer, totals, num_tokens, config, critic_only))
        if stopped_early:
            break
    optimizer.zero_grad(set_to_none=True)
    return UpdateStatistics(
        **{name: total / num_tokens_seen for name, total in sums.items()},
        ptx_loss=sum(ptx_losses) / len(ptx_losses) if ptx_losses else math.nan,
        ratio_max=ratio_max,
        grad_norm=sum(grad_norms) / len(grad_norms) if grad_norms else 0.0,
        num_steps=len(grad_norms),
        stopped_early=stopped_early,
    )


def backward(
    model: nn.Module,
    rollout: Rollout,
    advantages: Tensor,
    returns: Tensor,
    config: PPOConfig,
    rows: Tensor,
    processes: Processes,
) -> tuple[dict[str, float], int, float]:
    """Gradients of one minibatch, over all processes.

    Returns its sums over tokens by name, its number of tokens, and its highest ratio.
    """
    num_tokens = int(rollout.action_mask[rows].sum())
    parts = micro_batches(
        rows, rollout.lengths, config.per_device_train_batch_size, config.max_tokens_per_micro_batch, processes.count
    )
    totals = torch.zeros(len(SUMMED), dtype=torch.float32, device=advantages.device)
    highest = torch.zeros((), dtype=torch.float32, device=advantages.device)
    for part, weight, last in processes.turns(parts):
        with processes.waiting(model, last=last):
            found, ratio = micro_batch_totals(model, rollout, advantages, returns, config, part)
            loss = found["policy_loss"] + config.vf_coef * found["value_loss"]
            if config.ent_coef:
                loss = loss - config.ent_coef * found["entropy_bonus"]
            # Processes average their gradients; the sum is what is wanted.
            (loss * (weight * processes.count / num_tokens)).backward()
        totals += weight * torch.stack([found[name].detach() for name in SUMMED])
        highest = torch.maximum(highest, weight * ratio)
    whole = processes.sum(totals).tolist()
    return dict(zip(SUMMED, whole, strict=True)), num_tokens, max(processes.gather([highest.item()]))


def take_step(
    optimizer: torch.optim.Optimizer,
    totals: dict[str, float],
    num_tokens: int,
    config: PPOConfig,
    critic_only: bool,
) -> float:
    """Clip and step; the gradient's norm before clipping. FloatingPointError, and no step, where it is not finite."""
    if critic_only:
        for group in optimizer.param_groups:
            for parameter in group["params"] if not group.get("critic") else ():
                parameter.grad = None
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    norm: Any = nn.utils.clip_grad_norm_(parameters, config.max_grad_norm)
    grad_norm = float(norm.full_tensor() if hasattr(norm, "full_tensor") else norm)  # of shards, where there are
    losses = [totals[name] / num_tokens for name in ("policy_loss", "value_loss")]
    if not all(map(math.isfinite, (grad_norm, *losses))):
        raise FloatingPointError(f"policy loss {losses[0]:g}, value loss {losses[1]:g}, gradient norm {grad_norm:g}")
    optimizer.step()
    return grad_norm


def micro_batch_totals(
    model: nn.Module, rollout: Rollout, advantages: Tensor, returns: Tensor, config: PPOConfig, part: MicroBatch
) -> tuple[dict[str, Tensor], Tensor]:
    """Sums over the tokens of some rows, losses with their graphs, and the highest ratio."""
    rows, longest = part

    def cut(tensor: Tensor) -> Tensor:
        return tensor[rows, :longest]

    mask, old_logprobs = cut(rollout.action_mask), cut(rollout.logprobs)
    with training_precision(mask.device, bf16=config.bf16):
        now = model(
            cut(rollout.input_ids), mask,
            temperature=config.temperature, with_entropy=config.ent_coef != 0, chunk_size=config.logprob_chunk_size,
        )  # fmt: skip
    actor = policy_loss(now.logprobs, old_logprobs, cut(advantages), config.cliprange)
    critic = value_loss(now.values, cut(rollout.values), cut(returns), config.cliprange_value)
    weights = 1.0 if rollout.importance_weights is None else cut(rollout.importance_weights)
    ratio = torch.exp(now.logprobs.detach() - old_logprobs)
    found = {
        "policy_loss": masked_sum(actor.loss * weights, mask),
        "value_loss": masked_sum(critic.loss, mask),
        "entropy_bonus": masked_sum(now.entropy, mask) if now.entropy is not None else actor.loss.new_zeros(()),
        "ratio_mean": masked_sum(ratio, mask),
        "step_kl": masked_sum(kl_penalty(old_logprobs, now.logprobs.detach(), "k3"), mask),
        "clip_fraction": masked_sum(actor.clipped, mask).float(),
        "value_clip_fraction": masked_sum(critic.clipped, mask).float(),
    }
    return found, ratio.masked_fill(~mask, 0).max()
