"""Decoding with a static KV cache and, on a GPU, a compiled step that is recorded as a CUDA graph.

Shapes do not change from step to step, nor from rollout to rollout: a batch is filled up to its full size, and the
room for tokens is rounded up. Rows that are done stay in the batch and are no longer looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from types import FunctionType, MethodType
from typing import Any

import torch
from torch import Tensor
from transformers import StaticCache
from transformers.cache_utils import StaticLayer

from rlaif.models.padding import pad_left
from rlaif.models.rows import takes_positions
from rlaif.rl.actor_critic.forward import ActorCritic
from rlaif.rl.actor_critic.packing import NAME, slides
from rlaif.rl.sampling.choice import Choice
from rlaif.rl.sampling.decoding import Record, SampledTokens, look

ROOM = 128
"""The cache's length is a multiple of this."""
STEPS_BETWEEN_LOOKS = 8
"""The host waits for the GPU only so often, to see which rows are done."""


def can_be_static(trunk: Any) -> bool:
    """Whether the static step's masks are meant for this architecture: full attention by "sdpa", explicit positions.

    ALiBi reads positions off a mask of another shape.
    """
    config = trunk.config
    by_sdpa = config._attn_implementation in (NAME, "sdpa") and not slides(config)
    return by_sdpa and takes_positions(trunk) and not getattr(config, "alibi", False)


class OneTypeLayer(StaticLayer):
    """Keys and values of one type: that of the operations on them.

    Under autocast rotary keys are fp32 beside bf16 values, and transformers' layer takes the keys' type for both.
    """

    _layer_type = None  # not a layer type of transformers' own table

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        kind = key_states.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else value_states.dtype
        super().lazy_initialization(key_states.to(dtype), value_states.to(dtype))

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        return super().update(key_states.to(self.dtype), value_states.to(self.dtype), *args, **kwargs)


class StaticDecoder:
    """A cache for `num_rows` sequences of at most `room` tokens, and the step that decodes with it."""

    def __init__(self, actor_critic: ActorCritic, num_rows: int, room: int, temperature: float) -> None:
        self.actor_critic = actor_critic
        self.temperature = temperature
        self.num_rows, self.room = num_rows, room
        self.head = actor_critic.head
        self.cache = StaticCache(config=actor_critic.trunk.config, max_cache_len=room)
        self.cache.layers = [OneTypeLayer(room) if type(one) is StaticLayer else one for one in self.cache.layers]
        self.compiled_step = torch.compile(own_code(self.step), mode="reduce-overhead", dynamic=False)

    def start(self, ids: Tensor, mask: Tensor) -> Tensor:
        """The prompts' last hidden states [R, H]; their keys and values are in the cache then."""
        self.cache.reset()
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        return self.actor_critic.trunk(
            input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=self.cache, use_cache=True
        ).last_hidden_state[:, -1]

    def step(self, tokens: Tensor, positions: Tensor, mask: Tensor, uniforms: Tensor) -> tuple[Choice, Tensor | None]:
        """Append `tokens` [R] and choose the next; `mask` [R, room] is True at what may be attended to."""
        hidden = self.actor_critic.trunk(
            input_ids=tokens[:, None],
            attention_mask=mask[:, None, None],
            position_ids=positions[:, None],
            past_key_values=self.cache,
            use_cache=True,
        ).last_hidden_state[:, -1]
        return look(self.actor_critic, self.head, hidden, uniforms, self.temperature)


def own_code(method: Any) -> Any:
    """The same method with a code object of its own.

    PyTorch counts what it compiled by code object, gives up silently after eight, and keeps it as long as the code.
    """
    function = method.__func__
    code = function.__code__.replace()
    own = FunctionType(code, function.__globals__, function.__name__, function.__defaults__, function.__closure__)
    return MethodType(own, method.__self__)


def decoder_for(actor_critic: ActorCritic, num_rows: int, num_tokens: int, temperature: float) -> StaticDecoder:
    """One that is there already, where it fits. Decoders live as long as their actor-critic, which holds them."""
    room = -(-num_tokens // ROOM) * ROOM
    decoders = actor_critic.__dict__.setdefault("static_decoders", {})
    key = (num_rows, room, temperature)
    if key not in decoders:
        decoders[key] = StaticDecoder(actor_critic, *key)
    return decoders[key]


def decode_static(
    actor_critic: ActorCritic,
    prompts: Sequence[Sequence[int]],
    uniforms: Tensor,
    stop_ids: Collection[int],
    temperature: float,
    finish: Callable[[int, SampledTokens], None],
    batch_size: int,
    kept: bool = True,
) -> None:
    """One batch, as `decode_shrinking` decodes it.

    With `kept`, the decoder is there for the next batch too and, on a GPU, its step is compiled.
    """
    device, num_steps, num_rows = uniforms.device, uniforms.shape[1], len(prompts)
    filled_up = [*prompts, *[prompts[-1]] * (batch_size - num_rows)]
    uniforms = torch.cat([uniforms, uniforms[-1:].expand(batch_size - num_rows, -1)])
    ids, mask = pad_left(filled_up, 0, device)
    if kept:
        decoder = decoder_for(actor_critic, batch_size, ids.shape[1] + num_steps, temperature)
    else:
        decoder = StaticDecoder(actor_critic, batch_size, ids.shape[1] + num_steps, temperature)
    step_once = decoder.compiled_step if kept and device.type == "cuda" else decoder.step
    visible = torch.zeros(batch_size, decoder.room, dtype=torch.bool, device=device)
    visible[:, : ids.shape[1]] = mask.bool()
    positions = mask.sum(1)
    everyone = torch.arange(batch_size, device=device)
    record = Record(batch_size, num_steps, actor_critic.values_from_policy, device)
    waiting = set(range(num_rows))
    stops = torch.tensor(sorted(stop_ids), device=device)

    choice, values = look(actor_critic, decoder.head, decoder.start(ids, mask), uniforms[:, 0], temperature)
    record.write(everyone, 0, choice, values)
    for step in range(1, num_steps + 1):
        if step % STEPS_BETWEEN_LOOKS == 0 or step == num_steps:
            for row, length in ended(record.tokens[:, :step], stops, step == num_steps):
                if row in waiting:
                    waiting.remove(row)
                    finish(row, record.completion(row, length))
            if not waiting:
                return
        visible[:, ids.shape[1] + step - 1] = True
        torch.compiler.cudagraph_mark_step_begin()
        choice, values = step_once(choice.tokens.clone(), positions, visible, uniforms[:, step])
        positions = positions + 1
        record.write(everyone, step, choice, values)


def ended(tokens: Tensor, stops: Tensor, all_end: bool) -> list[tuple[int, int]]:
    """Rows of `tokens` [R, T] with one of `stops`, and their lengths up to it; if `all_end`, the others too, with T."""
    is_stop = torch.isin(tokens, stops)
    lengths = torch.where(is_stop.any(1), is_stop.int().argmax(1) + 1, tokens.shape[1] if all_end else 0)
    return [(row, length) for row, length in enumerate(lengths.tolist()) if length]
