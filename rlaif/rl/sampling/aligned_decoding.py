"""Decoding for architectures that cannot have padding: see `models.rows`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import torch
from torch import Tensor

from rlaif.models.rows import Way, decode, make_rows
from rlaif.rl.actor_critic.forward import ActorCritic
from rlaif.rl.sampling.decoding import Record, SampledTokens, look


def decode_aligned(
    actor_critic: ActorCritic,
    prompts: Sequence[Sequence[int]],
    uniforms: Tensor,
    stop_ids: Collection[int],
    temperature: float,
    finish: Callable[[int, SampledTokens], None],
    *,
    way: Way,
) -> None:
    """One batch, as `decode_shrinking` decodes it; rows are at their first token when their prompt is read."""
    device, num_steps = uniforms.device, uniforms.shape[1]
    record = Record(len(prompts), num_steps, actor_critic.values_from_policy, device)
    head = actor_critic.head
    lengths = [0] * len(prompts)

    def take(rows: list[int], hidden: Tensor) -> tuple[Tensor, list[bool]]:
        numbers = torch.tensor(rows, device=device)
        steps = torch.tensor([lengths[row] for row in rows], device=device)
        choice, values = look(actor_critic, head, hidden, uniforms[numbers, steps], temperature)
        record.write(numbers, steps, choice, values)
        goes_on = []
        for row, token in zip(rows, choice.tokens.tolist(), strict=True):
            lengths[row] += 1
            goes_on.append(token not in stop_ids and lengths[row] < num_steps)
            if not goes_on[-1]:
                finish(row, record.completion(row, lengths[row]))
        return choice.tokens, goes_on

    decode(make_rows(way, actor_critic.trunk, prompts, num_steps, device), take)
