"""A rollout: prompts, what the policy answered, and everything PPO has to know about it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from rlaif.errors import UserError
from rlaif.models.generation import device_of
from rlaif.models.stop_tokens import stop_token_ids
from rlaif.models.texts import CompletionReader
from rlaif.rl.actor_critic.forward import ActorCritic, training_precision
from rlaif.rl.actor_critic.reference import Reference
from rlaif.rl.config import PPOConfig
from rlaif.rl.dataset import Prompt, encode_prompts
from rlaif.rl.micro_batches import micro_batches
from rlaif.rl.padding import pad_sequences
from rlaif.rl.processes import Processes
from rlaif.rl.reward_funcs.reward_round import RewardRound
from rlaif.rl.reward_funcs.rewards import Rewards
from rlaif.rl.reward_funcs.scores import Scores
from rlaif.rl.sampling.sampler import SampledTokens, sample


@dataclass(frozen=True)
class Episode:
    """One completion: the prompt's and its own token ids, what was thought of each token, and its reward."""

    prompt: Prompt
    prompt_ids: tuple[int, ...]
    num_prompt_tokens_cut: int
    completion: str
    tokens: SampledTokens
    ends_with_eos: bool
    score: float | None = None
    """The reward functions' weighted sum; None where one of them had none to give."""
    token_scores: tuple[float, ...] | None = None
    """The score as it falls on tokens, where a reward function tells them apart; else it all is the last one's."""
    rewards: dict[str, float | None] = field(default_factory=dict)
    """Each reward function's own."""
    extra_columns: dict[str, Any] = field(default_factory=dict)
    """What reward functions passed to `log_extra`."""


@dataclass(frozen=True)
class Rollout:
    """B scored samples as sequences of at most L tokens: prompt, completion, padding.

    Position t of a [B, L] tensor belongs to token t; where `action_mask` is False it is 0.
    """

    episodes: list[Episode]
    """The B."""
    input_ids: Tensor
    """[B, L] int64, padded on the right; what the padding's id is does not matter."""
    action_mask: Tensor
    """[B, L] bool: True at the completion's tokens, the EOS included."""
    lengths: Tensor
    """[B] int64: tokens of prompt and completion."""
    scores: Tensor
    """[B] fp32: the reward functions' weighted sum."""
    token_scores: Tensor
    """[B, L] fp32: the scores on their tokens: the last action, unless a reward function tells tokens apart."""
    ends_with_eos: Tensor
    """[B] bool"""
    logprobs: Tensor
    """[B, L]: of the policy that sampled; the sampler's own, or with `importance_weights` the trainer's."""
    ref_logprobs: Tensor | None
    """[B, L]: of the reference policy; None without one."""
    values: Tensor
    """[B, L]"""
    entropy: Tensor
    """[B, L]"""
    importance_weights: Tensor | None
    """[B, L]: min(π_trainer/π_sampler, cap); None where both are taken to be the same."""
    reward_means: dict[str, float]
    """Each reward function's mean over the rewards that it could compute."""
    reward_metrics: dict[str, float]
    """What reward functions passed to `log_metric`."""
    num_left_out: int
    """Samples without a reward; they are not among the B."""
    num_prompts_cut: int
    """Prompts longer than max_prompt_length, over all samples."""
    num_sampled_tokens: int
    """Completion tokens, over all samples."""
    generation_seconds: float
    reward_seconds: float
    """What rewards took beyond the decoding."""
    scoring_seconds: float
    """Of the forward passes that look at what was sampled."""


def collect_rollout(
    actor_critic: ActorCritic,
    reference: Reference,
    tokenizer: Any,
    prompts: Sequence[Prompt],
    rewards: Rewards,
    config: PPOConfig,
    seed: int,
    processes: Processes,
    trainer_state: Any = None,
) -> Rollout:
    """Sample one completion for each prompt and score it, a share by each process; the whole, for all of them.

    Raises:
        UserError: no sample got a reward.
    """
    start = time.perf_counter()
    generator = torch.Generator().manual_seed(seed)
    uniforms = torch.rand(len(prompts), config.max_completion_length, generator=generator, dtype=torch.float64)
    own = processes.share(range(len(prompts)))
    with rewards.begin([prompts[index] for index in own], trainer_state) as scoring:
        sampled = sample_prompts(
            actor_critic, tokenizer, [prompts[index] for index in own], scoring, config, uniforms[own]
        )
        decoded = time.perf_counter()
        scores = scoring.result()
    episodes = processes.gather(with_scores(sampled, scores))
    metrics = [one for one in processes.gather([scores.metrics]) if one]
    rewarded = time.perf_counter()

    kept = [episode for episode in episodes if episode.score is not None]
    if not kept:
        raise UserError(f"no reward could be computed for any of the {len(prompts)} completions of a rollout")
    sequences = sampled_tensors(kept, processes.device)
    looked = look_at(actor_critic, reference, sequences, config, processes)
    return Rollout(
        episodes=kept,
        **(sequences | looked),
        scores=torch.tensor([episode.score for episode in kept], dtype=torch.float32, device=processes.device),
        reward_means={name: mean_of([one.rewards[name] for one in episodes]) for name in episodes[0].rewards},
        reward_metrics={name: mean_of([one.get(name) for one in metrics]) for one in metrics for name in one},
        num_left_out=len(episodes) - len(kept),
        num_prompts_cut=sum(episode.num_prompt_tokens_cut > 0 for episode in episodes),
        num_sampled_tokens=sum(len(episode.tokens.ids) for episode in episodes),
        generation_seconds=decoded - start,
        reward_seconds=rewarded - decoded,
        scoring_seconds=time.perf_counter() - rewarded,
    )


def sample_prompts(
    actor_critic: ActorCritic,
    tokenizer: Any,
    prompts: Sequence[Prompt],
    scoring: RewardRound,
    config: PPOConfig,
    uniforms: Tensor,
) -> list[Episode]:
    """A completion of each prompt, handed to the rewards as soon as it ends; without its score yet."""
    encoded = encode_prompts(prompts, tokenizer, config.max_prompt_length)
    stop_ids = stop_token_ids(actor_critic.policy, tokenizer)
    reader = CompletionReader(tokenizer, stop_ids)
    texts: list[str] = [""] * len(prompts)

    def finish(row: int, tokens: SampledTokens) -> None:
        texts[row] = reader.text(tokens.ids)
        scoring.add(row, texts[row], tokens.ids, reader.finish_reason(tokens.ids))

    device = device_of(actor_critic)
    with training_precision(device, bf16=config.bf16):
        sampled = sample(
            actor_critic,
            [ids for ids, _ in encoded],
            eos_token_id=stop_ids,
            max_new_tokens=config.max_completion_length,
            temperature=config.temperature,
            uniforms=uniforms,
            batch_size=config.generation_batch_size,
            on_finished=finish,
            compiled=device.type == "cuda" if config.compile_decoding is None else config.compile_decoding,
        )
    return [
        Episode(prompt, tuple(ids), num_cut, text, tokens, reader.ends(tokens.ids))
        for prompt, (ids, num_cut), text, tokens in zip(prompts, encoded, texts, sampled, strict=True)
    ]


def with_scores(episodes: Sequence[Episode], scores: Scores) -> list[Episode]:
    """The episodes with what the reward functions made of them."""
    return [
        replace(
            episode,
            score=scores.totals[row],
            token_scores=None if scores.token_rewards[row] is None else tuple(scores.token_rewards[row] or ()),
            rewards={name: values[row] for name, values in scores.by_function.items()},
            extra_columns={name: values[row] for name, values in scores.extra_columns.items()},
        )
        for row, episode in enumerate(episodes)
    ]


def sampled_tensors(episodes: Sequence[Episode], device: torch.device) -> dict[str, Any]:
    """The fields of a rollout that the sampler knows."""
    input_ids, action_mask, lengths = pad_sequences(
        [one.prompt_ids for one in episodes], [one.tokens.ids for one in episodes]
    )
    logprobs, values, entropy, token_scores = (torch.zeros(input_ids.shape, dtype=torch.float32) for _ in range(4))
    for row, (one, length) in enumerate(zip(episodes, lengths, strict=True)):
        actions = slice(len(one.prompt_ids), length)
        assert one.tokens.values is not None
        logprobs[row, actions], values[row, actions] = one.tokens.logprobs, one.tokens.values
        entropy[row, actions] = one.tokens.entropy
        if one.token_scores is not None:
            token_scores[row, actions] = torch.tensor(one.token_scores)
        else:
            token_scores[row, length - 1] = one.score or 0.0
    return {
        "input_ids": input_ids.to(device),
        "action_mask": action_mask.to(device),
        "lengths": torch.tensor(lengths, device=device),
        "ends_with_eos": torch.tensor([one.ends_with_eos for one in episodes], device=device),
        "logprobs": logprobs.to(device),
        "values": values.to(device),
        "entropy": entropy.to(device),
        "token_scores": token_scores.to(device),
    }


@torch.no_grad()
def look_at(
    actor_critic: ActorCritic,
    reference: Reference,
    sequences: dict[str, Any],
    config: PPOConfig,
    processes: Processes,
) -> dict[str, Tensor | None]:
    """What the sampler does not know: `ref_logprobs`, and `importance_weights` with the trainer's `logprobs`."""
    input_ids, action_mask, lengths = (sequences[name] for name in ("input_ids", "action_mask", "lengths"))
    settings = {"temperature": config.temperature, "chunk_size": config.logprob_chunk_size}

    def over_all(score: Any) -> Tensor:
        """[B, L] of a function of ids and mask; each process computes its share of the micro-batches."""
        parts = micro_batches(
            torch.arange(len(lengths), device=lengths.device), lengths, config.per_device_train_batch_size,
            config.max_tokens_per_micro_batch, processes.count,
        )  # fmt: skip
        found = torch.zeros(input_ids.shape, dtype=torch.float32, device=input_ids.device)
        for rows, longest in processes.share(parts):
            with training_precision(input_ids.device, bf16=config.bf16):
                found[rows, :longest] = score(input_ids[rows, :longest], action_mask[rows, :longest], **settings)
        return processes.sum(found)

    looked: dict[str, Tensor | None] = {"ref_logprobs": None, "importance_weights": None}
    if reference.is_needed:
        looked["ref_logprobs"] = over_all(reference.logprobs)
    if config.importance_sampling_cap is not None:
        logprobs = over_all(lambda *data, **how: actor_critic(*data, **how).logprobs)
        ratio = torch.exp(logprobs - sequences["logprobs"]).clamp(max=config.importance_sampling_cap)
        looked |= {"logprobs": logprobs, "importance_weights": ratio.masked_fill(~action_mask, 0)}
    return looked


def mean_of(rewards: Sequence[float | None]) -> float:
    """The mean of the rewards that are there; NaN where none is."""
    known = [float(reward) for reward in rewards if reward is not None]
    return sum(known) / len(known) if known else float("nan")
