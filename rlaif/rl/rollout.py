"""A rollout: prompts, what the policy answered, and everything PPO has to know about it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rlaif.errors import UserError
from rlaif.models.generation import Generation, device_of, generate
from rlaif.rl.config import PPOConfig
from rlaif.rl.forward import score_actions, training_precision
from rlaif.rl.rewards import PromptRow, RewardFunction, score_completions


@dataclass(frozen=True)
class Rollout:
    """B scored samples as sequences of at most L tokens: prompt, completion, padding.

    Position t of a [B, L] tensor belongs to token t; where `action_mask` is False it is 0.
    """

    prompts: list[str]
    completions: list[str]
    input_ids: Tensor
    """[B, L] int64, padded on the right; what the padding's id is does not matter."""
    action_mask: Tensor
    """[B, L] bool: True at the completion's tokens, the EOS included."""
    lengths: Tensor
    """[B] int64: tokens of prompt and completion."""
    scores: Tensor
    """[B] fp32: the reward functions' weighted sum."""
    ends_with_eos: Tensor
    """[B] bool"""
    logprobs: Tensor
    """[B, L]: of the policy that sampled, as the training forward computes them."""
    ref_logprobs: Tensor
    """[B, L]: of the reference policy."""
    values: Tensor
    """[B, L]"""
    entropy: Tensor
    """[B, L]"""
    reward_means: dict[str, float]
    """Each reward function's mean over the rewards that it could compute."""
    num_left_out: int
    """Samples without a reward; they are not among the B."""
    num_prompts_cut: int
    """Prompts longer than max_prompt_tokens, over all samples."""
    num_sampled_tokens: int
    """Completion tokens, over all samples."""
    generation_seconds: float
    reward_seconds: float


def collect_rollout(
    policy: nn.Module,
    value_head: nn.Module,
    ref_policy: nn.Module,
    tokenizer: Any,
    rows: Sequence[PromptRow],
    reward_funcs: Mapping[str, RewardFunction],
    reward_weights: Mapping[str, float],
    config: PPOConfig,
    seed: int,
) -> Rollout:
    """Sample one completion for each row, score it, and look at it with policy, critic and reference.

    Raises:
        UserError: no sample got a reward.
    """
    start = time.perf_counter()
    with training_precision(device_of(policy), config.precision):
        generations = generate(
            policy,
            tokenizer,
            [row["prompt"] for row in rows],
            max_new_tokens=config.max_new_tokens,
            temperature=config.temperature,
            seed=seed,
            max_prompt_tokens=config.max_prompt_tokens,
            batch_size=config.generation_batch_size,
        )
    sampled = time.perf_counter()
    scores, by_function = score_completions(
        reward_funcs, reward_weights, rows, [generation.text for generation in generations]
    )
    scored = time.perf_counter()

    kept = [index for index, score in enumerate(scores) if score is not None]
    if not kept:
        raise UserError(f"no reward could be computed for any of the {len(rows)} completions of a rollout")
    sequences = pad_right([generations[index] for index in kept], device_of(policy))
    return Rollout(
        prompts=[rows[index]["prompt"] for index in kept],
        completions=[generations[index].text for index in kept],
        **sequences,
        scores=torch.tensor([scores[index] for index in kept], device=device_of(policy)),
        **look_at(policy, value_head, ref_policy, sequences, config),
        reward_means={name: mean_of(rewards) for name, rewards in by_function.items()},
        num_left_out=len(rows) - len(kept),
        num_prompts_cut=sum(generation.num_prompt_tokens_cut > 0 for generation in generations),
        num_sampled_tokens=sum(len(generation.completion_ids) for generation in generations),
        generation_seconds=sampled - start,
        reward_seconds=scored - sampled,
    )


def pad_right(generations: Sequence[Generation], device: torch.device) -> dict[str, Tensor]:
    """`input_ids`, `action_mask`, `lengths` and `ends_with_eos` of a rollout."""
    lengths = [len(g.prompt_ids) + len(g.completion_ids) for g in generations]
    input_ids = torch.zeros(len(generations), max(lengths), dtype=torch.long)
    action_mask = torch.zeros_like(input_ids, dtype=torch.bool)
    for row, generation in enumerate(generations):
        input_ids[row, : lengths[row]] = torch.tensor(generation.prompt_ids + generation.completion_ids)
        action_mask[row, len(generation.prompt_ids) : lengths[row]] = True
    return {
        "input_ids": input_ids.to(device),
        "action_mask": action_mask.to(device),
        "lengths": torch.tensor(lengths, device=device),
        "ends_with_eos": torch.tensor([g.finish_reason == "stop" for g in generations], device=device),
    }


@torch.no_grad()
def look_at(
    policy: nn.Module,
    value_head: nn.Module,
    ref_policy: nn.Module,
    sequences: Mapping[str, Tensor],
    config: PPOConfig,
) -> dict[str, Tensor]:
    """`logprobs`, `ref_logprobs`, `values` and `entropy` of a rollout, [B, L] each.

    The policy's log-probabilities are computed anew with the forward that training uses, not
    taken from the sampler, so that the first ratio is 1 in every precision.
    """
    input_ids, action_mask, lengths = (sequences[name] for name in ("input_ids", "action_mask", "lengths"))
    names = ("logprobs", "ref_logprobs", "values", "entropy")
    found = {name: torch.zeros(input_ids.shape, device=input_ids.device) for name in names}
    everything = torch.arange(len(input_ids), device=input_ids.device)
    for rows, longest in micro_batches(everything, lengths, config.micro_batch_size):
        ids, mask = input_ids[rows, :longest], action_mask[rows, :longest]
        with training_precision(ids.device, config.precision):
            now = score_actions(
                policy, ids, mask, temperature=config.temperature, value_head=value_head, with_entropy=True
            )
            reference = score_actions(ref_policy, ids, mask, temperature=config.temperature)
        assert now.values is not None and now.entropy is not None
        for name, part in zip(names, (now.logprobs, reference.logprobs, now.values, now.entropy), strict=True):
            found[name][rows, :longest] = part
    return found


def micro_batches(rows: Tensor, lengths: Tensor, size: int) -> Iterator[tuple[Tensor, int]]:
    """At most `size` of the given rows at a time, sorted by length, each with its longest length."""
    by_length = rows[lengths[rows].argsort(stable=True)]
    for batch in by_length.split(size):
        yield batch, int(lengths[batch[-1]])


def mean_of(rewards: Sequence[float | None]) -> float:
    """The mean of the rewards that are there; NaN where none is."""
    known = [float(reward) for reward in rewards if reward is not None]
    return sum(known) / len(known) if known else float("nan")
