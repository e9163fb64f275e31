"""Decoding that keeps what PPO needs of every token: its log-probability, value and entropy."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from rlaif.errors import UserError
from rlaif.models.generation import device_of, eval_mode, require_positions
from rlaif.models.stop_tokens import as_ids
from rlaif.rl.actor_critic.forward import ActorCritic
from rlaif.rl.padding import pad_sequences
from rlaif.rl.sampling.decoding import SampledTokens
from rlaif.rl.sampling.static_decoding import decode_static
from rlaif.rl.sampling.trial import decoding_of, is_static_right

__all__ = ["SampledTokens", "sample"]


@torch.no_grad()
def sample(
    actor_critic: ActorCritic,
    prompt_ids: Sequence[Sequence[int]],
    *,
    eos_token_id: int | Collection[int],
    max_new_tokens: int,
    temperature: float,
    uniforms: Tensor,
    batch_size: int,
    on_finished: Callable[[int, SampledTokens], None] | None = None,
    compiled: bool = False,
) -> list[SampledTokens]:
    """One completion for every prompt, in the prompts' order; what a row samples depends on nothing but itself.

    Args:
        actor_critic: unwrapped (not DDP's wrapper); runs in eval mode, without gradients, under the caller's autocast.
        prompt_ids: at least one token each, cut to the wanted length by the caller.
        eos_token_id: what ends a completion, one token or several (`stop_token_ids`).
        temperature: above 0.
        uniforms: [B, max_new_tokens] float64 in [0, 1): the token of row b at step t is the inverse of the cumulative
            distribution at uniforms[b, t], whatever the batch or the number of processes.
        batch_size: rows decoded at once. Batches go from the longest prompts to the shortest.
        on_finished: called with a row's index and completion as soon as the row ends. With a separate critic its
            `values` are still None there; the returned completions have them.
        compiled: a static KV cache and a compiled decoding step, for GPUs. Rows that are done then stay in the
            batch. Where that is not right for the architecture, as with sliding windows, it decodes as without it.

    Raises:
        UserError: an empty prompt, `uniforms` of another shape, a temperature that is not above 0, or a prompt and
            completion that do not fit into the model's positions; a policy for which no way of decoding is right.
    """
    require_sampleable(actor_critic, prompt_ids, max_new_tokens, temperature, uniforms)
    finished: dict[int, SampledTokens] = {}

    def finish(row: int, completion: SampledTokens) -> None:
        finished[row] = completion
        if on_finished is not None:
            on_finished(row, completion)

    stop_ids = as_ids(eos_token_id)
    is_static = compiled and is_static_right(actor_critic)
    decode = partial(decode_static, batch_size=batch_size) if is_static else decoding_of(actor_critic)
    longest_first = sorted(range(len(prompt_ids)), key=lambda row: (-len(prompt_ids[row]), row))
    with eval_mode(actor_critic):
        for start in range(0, len(prompt_ids), batch_size):
            rows = longest_first[start : start + batch_size]
            decode(
                actor_critic,
                [prompt_ids[row] for row in rows],
                uniforms[rows].to(device_of(actor_critic)),
                stop_ids,
                temperature,
                lambda index, completion, rows=rows: finish(rows[index], completion),  # type: ignore[misc]
            )
        if actor_critic.value_trunk is not None and actor_critic.value_head is not None:
            add_values(actor_critic, prompt_ids, finished, batch_size)
    return [finished[row] for row in range(len(prompt_ids))]


def require_sampleable(
    actor_critic: ActorCritic,
    prompt_ids: Sequence[Sequence[int]],
    max_new_tokens: int,
    temperature: float,
    uniforms: Tensor,
) -> None:
    """The errors of `sample`."""
    if uniforms.shape != (len(prompt_ids), max_new_tokens):
        raise UserError(f"uniforms: shape {tuple(uniforms.shape)}, not {(len(prompt_ids), max_new_tokens)}")
    if not temperature > 0:
        raise UserError(f"temperature: {temperature} is not above 0")
    for row, ids in enumerate(prompt_ids):
        if not ids:
            raise UserError(f"prompt {row} has no tokens")
    require_positions(actor_critic.policy, max(map(len, prompt_ids), default=0), max_new_tokens)


def add_values(
    actor_critic: ActorCritic,
    prompt_ids: Sequence[Sequence[int]],
    finished: dict[int, SampledTokens],
    batch_size: int,
) -> None:
    """A separate critic looks at the finished sequences, once."""
    by_length = sorted(finished, key=lambda row: len(prompt_ids[row]) + len(finished[row].ids))
    device = device_of(actor_critic)
    for start in range(0, len(by_length), batch_size):
        rows = by_length[start : start + batch_size]
        prompts, completions = [prompt_ids[row] for row in rows], [finished[row].ids for row in rows]
        input_ids, action_mask, _ = pad_sequences(prompts, completions)
        values = actor_critic.separate_values(input_ids.to(device), action_mask.to(device)).cpu()
        for index, row in enumerate(rows):
            finished[row] = replace(finished[row], values=values[index][action_mask[index]])
