"""Decoding a batch token by token: what is seen of each token, and rows that leave when they end."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rlaif.models.kv_cache import reserve_cache
from rlaif.models.padding import pad_left
from rlaif.models.rows import takes_positions
from rlaif.rl.actor_critic.forward import ActorCritic, is_autocast
from rlaif.rl.actor_critic.packing import is_packable, pack
from rlaif.rl.sampling.choice import Choice, choose
from rlaif.rl.sampling.decoding_cache import packed_prompt_cache


@dataclass(frozen=True)
class SampledTokens:
    """One completion and what the policy and the critic said of each of its T tokens, on the CPU."""

    ids: tuple[int, ...]
    """The EOS, or other stop token, that ended it is the last one."""
    logprobs: Tensor
    """[T] fp32, at the sampling temperature."""
    values: Tensor | None
    """[T] fp32; None without a value head."""
    entropy: Tensor
    """[T] fp32, at the sampling temperature."""


class Record:
    """What was seen of a batch's rows while they are decoded, [rows, steps] each, on the device."""

    def __init__(self, num_rows: int, num_steps: int, with_values: bool, device: torch.device) -> None:
        self.tokens = torch.zeros(num_rows, num_steps, dtype=torch.long, device=device)
        fp32: dict[str, Any] = {"dtype": torch.float32, "device": device}  # whatever the default is
        self.logprobs = torch.zeros(num_rows, num_steps, **fp32)
        self.entropy = torch.zeros(num_rows, num_steps, **fp32)
        self.values = torch.zeros(num_rows, num_steps, **fp32) if with_values else None

    def write(self, rows: Tensor, step: int | Tensor, choice: Choice, values: Tensor | None) -> None:
        self.tokens[rows, step] = choice.tokens
        self.logprobs[rows, step] = choice.logprobs
        self.entropy[rows, step] = choice.entropy
        if self.values is not None and values is not None:
            self.values[rows, step] = values

    def completion(self, row: int, length: int) -> SampledTokens:
        return SampledTokens(
            ids=tuple(self.tokens[row, :length].tolist()),
            logprobs=self.logprobs[row, :length].cpu().clone(),
            values=None if self.values is None else self.values[row, :length].cpu().clone(),
            entropy=self.entropy[row, :length].cpu().clone(),
        )


def look(
    actor_critic: ActorCritic, head: nn.Module, hidden: Tensor, uniforms: Tensor, temperature: float
) -> tuple[Choice, Tensor | None]:
    """The next tokens from the last hidden states [R, H], and the values of these states."""
    choice = choose(logits_of(head, hidden), uniforms, temperature)
    return choice, actor_critic.value_head(hidden) if actor_critic.values_from_policy else None


def logits_of(head: nn.Module, hidden: Tensor) -> Tensor:
    """head(hidden): [R, H] -> [R, V]."""
    if hidden.device.type != "cpu" or type(head) is not nn.Linear or head.bias is not None or is_autocast(hidden):
        return head(hidden)
    # For few rows the product is up to twice as fast this way round on a CPU, the copy included.
    return (head.weight @ hidden.T).T.contiguous()


def decode_shrinking(
    actor_critic: ActorCritic,
    prompts: Sequence[Sequence[int]],
    uniforms: Tensor,
    stop_ids: Collection[int],
    temperature: float,
    finish: Callable[[int, SampledTokens], None],
) -> None:
    """One batch; rows that end leave it, and the KV cache, while the others go on."""
    device, num_steps = uniforms.device, uniforms.shape[1]
    prefilled = prefill(actor_critic.trunk, prompts, num_steps, device)
    hidden, cache, mask, positions = prefilled.hidden, prefilled.cache, prefilled.mask, prefilled.positions
    record = Record(len(prompts), num_steps, actor_critic.values_from_policy, device)
    head = actor_critic.head
    live = list(range(len(prompts)))
    live_rows = torch.arange(len(prompts), device=device)
    seen = prefilled.num_columns

    for step in range(num_steps):
        choice, values = look(actor_critic, head, hidden, uniforms[:, step], temperature)
        record.write(live_rows, step, choice, values)
        going_on = [index for index, token in enumerate(choice.tokens.tolist()) if token not in stop_ids]
        if step + 1 == num_steps:
            going_on = []
        if len(going_on) < len(live):
            for index in sorted(set(range(len(live))) - set(going_on)):
                finish(live[index], record.completion(live[index], step + 1))
            if not going_on:
                return
            kept = torch.tensor(going_on, device=device)
            live = [live[index] for index in going_on]
            live_rows, uniforms, positions = live_rows[kept], uniforms[kept], positions[kept]
            mask = None if mask is None else mask[kept]
            cache.batch_select_indices(kept)
        tokens = choice.tokens if len(choice.tokens) == len(live) else choice.tokens[kept]
        seen += 1
        hidden = actor_critic.trunk(
            input_ids=tokens[:, None],
            past_key_values=cache,
            use_cache=True,
            **prefilled.arguments(mask, positions, seen),
        ).last_hidden_state[:, -1]
        positions = positions + 1


@dataclass(frozen=True)
class Prefilled:
    """The prompts' keys and values, padded on the left, and what decoding starts from."""

    hidden: Tensor
    """[R, H]: the last hidden state of each prompt."""
    cache: Any
    mask: Tensor | None
    """[R, columns + new tokens] bool: False at padding; None where there is none."""
    positions: Tensor
    """[R, 1]: of the first new token."""
    num_columns: int
    """Of the longest prompt."""
    packed: bool
    with_positions: bool

    def arguments(self, mask: Tensor | None, positions: Tensor, seen: int) -> dict[str, Tensor]:
        """What a trunk needs to know of the padding at one step. A packed one takes the mask as attention wants it."""
        arguments = {"position_ids": positions} if self.with_positions else {}
        if mask is not None:
            arguments["attention_mask"] = mask[:, None, None, :seen] if self.packed else mask[:, :seen].long()
        return arguments


def prefill(trunk: Any, prompts: Sequence[Sequence[int]], num_new: int, device: torch.device) -> Prefilled:
    ids, mask = pad_left(prompts, 0, device)
    lengths = [len(prompt) for prompt in prompts]
    longest, padded = max(lengths), min(lengths) < max(lengths)
    packed = is_packable(trunk)
    with_positions = takes_positions(trunk)
    if packed:
        cache = packed_prompt_cache(trunk.config, lengths, num_new, device)
        arguments = pack(ids, mask.bool()).arguments()
        hidden = trunk(**arguments, past_key_values=cache, use_cache=True).last_hidden_state[0]
        hidden = hidden[torch.tensor(lengths, device=device).cumsum(0) - 1]
    else:
        cache = reserve_cache(trunk.config, longest + num_new)
        arguments = {"position_ids": (mask.cumsum(1) - 1).clamp(min=0)} if with_positions else {}
        output = trunk(input_ids=ids, attention_mask=mask, past_key_values=cache, use_cache=True, **arguments)
        hidden = output.last_hidden_state[:, -1]
    whole = torch.cat([mask, mask.new_ones(len(mask), num_new)], dim=1).bool() if padded else None
    positions = torch.tensor(lengths, device=device)[:, None]
    return Prefilled(hidden, cache, whole, positions, longest, packed, with_positions)
