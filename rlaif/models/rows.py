"""Rows of a batch on their way through a model, a token each at every step.

Padded rows stand padded on the left, with a mask and positions. That is right where tokens meet by attention alone. A
recurrent state reads padding too, and positions that a model counts in its cache count it. Aligned rows have none: all
read as many tokens as the shortest prompt has, and longer prompts then go on token by token, beside rows that already
answer. Single rows are batches of one, for caches that are right for one row only; recomputed rows are aligned ones
without a cache: everything is computed again at every step.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from enum import Enum
from itertools import count
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig
from transformers.cache_utils import DynamicCache, LinearAttentionCacheLayerMixin

from rlaif.models.kv_cache import reserve_cache
from rlaif.models.padding import pad_left
from rlaif.models.trunk import unwrapped

Take = Callable[[list[int], Tensor], tuple[Tensor, list[bool]]]
"""Of rows that are due, by number, and what the model says of each [rows, X]: their next tokens [rows], and which of
them go on."""


class Way(Enum):
    """How rows of unequal length share a batch."""

    padded = "padded"
    aligned = "aligned"
    single = "single"
    recomputed = "recomputed"


class Rows(Protocol):
    """R rows, fewer as some of them end."""

    waits: list[int]
    """Steps until each row, by its number at the start, has read its prompt."""

    def start(self) -> Tensor:
        """What the model says after the tokens that are read at once, [R, X]."""

    def prompt_tokens(self, step: int) -> Tensor:
        """The tokens [R] of prompts that go on at this step; of others, anything."""

    def advance(self, tokens: Tensor) -> Tensor:
        """What the model says after `tokens` [R], [R, X]."""

    def keep(self, kept: Tensor) -> None:
        """Go on with these rows alone, by their indices among those that are left."""


def make_rows(way: Way, model: nn.Module, prompts: Sequence[Sequence[int]], num_new: int, device: torch.device) -> Rows:
    """`model` is a transformers model; what it says is its logits, or without a head its last hidden states."""
    if way is Way.padded:
        return PaddedRows(model, prompts, num_new, device)
    if way is Way.single:
        return SingleRows([AlignedRows(model, [prompt], device, cached=True) for prompt in prompts])
    return AlignedRows(model, prompts, device, cached=way is Way.aligned)


def decode(rows: Rows, take: Take) -> None:
    """Advance until no row goes on; each that does not leaves the others alone."""
    live = list(range(len(rows.waits)))
    outputs = rows.start()
    for step in count():
        due = [index for index, row in enumerate(live) if rows.waits[row] <= step]
        goes_on = [True] * len(live)
        if len(due) == len(live):
            tokens, goes_on = take(live, outputs)
        else:
            tokens = rows.prompt_tokens(step)
            if due:
                places = torch.tensor(due, device=outputs.device)
                tokens[places], found = take([live[index] for index in due], outputs[places])
                for index, one in zip(due, found, strict=True):
                    goes_on[index] = one
        kept = [index for index, one in enumerate(goes_on) if one]
        if not kept:
            return
        if len(kept) < len(live):
            places = torch.tensor(kept, device=outputs.device)
            tokens, live = tokens[places], [live[index] for index in kept]
            rows.keep(places)
        outputs = rows.advance(tokens)


class PaddedRows:
    """See the module's docstring."""

    def __init__(self, model: Any, prompts: Sequence[Sequence[int]], num_new: int, device: torch.device) -> None:
        self.waits = [0] * len(prompts)
        self._run, self._with_positions = Forward(model), takes_positions(model)
        self._ids, self._mask = pad_left(prompts, 0, device)
        self._positions = (self._mask.cumsum(1) - 1).clamp(min=0)
        self._cache = reserve_cache(model.config, self._ids.shape[1] + num_new)

    def start(self) -> Tensor:
        return self._forward(self._ids)

    def prompt_tokens(self, step: int) -> Tensor:
        raise NotImplementedError("every prompt is read at the start")

    def advance(self, tokens: Tensor) -> Tensor:
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(self._mask), 1)], dim=1)
        self._positions = self._positions[:, -1:] + 1
        return self._forward(tokens[:, None])

    def keep(self, kept: Tensor) -> None:
        self._mask, self._positions = self._mask[kept], self._positions[kept]
        self._cache.batch_select_indices(kept)

    def _forward(self, ids: Tensor) -> Tensor:
        positions = {"position_ids": self._positions} if self._with_positions else {}
        return self._run(
            input_ids=ids, attention_mask=self._mask, past_key_values=self._cache, use_cache=True, **positions
        )[0]


class AlignedRows:
    """See the module's docstring; without `cached`, recomputed rows."""

    def __init__(self, model: Any, prompts: Sequence[Sequence[int]], device: torch.device, *, cached: bool) -> None:
        shortest, longest = min(map(len, prompts)), max(map(len, prompts))
        self.waits = [len(prompt) - shortest for prompt in prompts]
        self._run, self._cached, self._with_positions = Forward(model), cached, takes_positions(model)
        table = torch.tensor([[*prompt, *[0] * (longest - len(prompt))] for prompt in prompts], device=device)
        self._read, self._later = table[:, :shortest], table[:, shortest:]
        self._state: dict[str, Any] = {}
        self._num_tokens = 0

    def start(self) -> Tensor:
        return self._forward(self._read)

    def prompt_tokens(self, step: int) -> Tensor:
        return self._later[:, step].clone()

    def advance(self, tokens: Tensor) -> Tensor:
        if self._cached:
            return self._forward(tokens[:, None])
        self._read = torch.cat([self._read, tokens[:, None]], dim=1)
        return self._forward(self._read)

    def keep(self, kept: Tensor) -> None:
        num_rows = len(self._read)
        self._read, self._later = self._read[kept], self._later[kept]
        self._state = {name: select_rows(state, kept, num_rows) for name, state in self._state.items()}

    def _forward(self, ids: Tensor) -> Tensor:
        arguments = dict(self._state)
        if self._cached and self._with_positions:  # some count from 0 again at every step
            positions = torch.arange(self._num_tokens, self._num_tokens + ids.shape[1], device=ids.device)
            arguments["position_ids"] = positions.expand_as(ids)
        said, self._state = self._run(input_ids=ids, use_cache=self._cached, **arguments)
        self._num_tokens += ids.shape[1]
        return said


class SingleRows:
    """See the module's docstring."""

    def __init__(self, rows: list[AlignedRows]) -> None:
        self.waits = [0] * len(rows)
        self._rows = rows

    def start(self) -> Tensor:
        return torch.cat([row.start() for row in self._rows])

    def prompt_tokens(self, step: int) -> Tensor:
        raise NotImplementedError("every prompt is read at the start")

    def advance(self, tokens: Tensor) -> Tensor:
        return torch.cat([row.advance(token) for row, token in zip(self._rows, tokens.split(1), strict=True)])

    def keep(self, kept: Tensor) -> None:
        self._rows = [self._rows[index] for index in kept.tolist()]


class Forward:
    """A model's forward pass as far as decoding goes: what it says of each row's next token, and what it remembers."""

    def __init__(self, model: Any) -> None:
        self.model = model
        parameters = inspect.signature(unwrapped(model).forward).parameters
        self._names = {"past_key_values", *parameters}
        self._only_last = {"logits_to_keep": 1} if "logits_to_keep" in parameters else {}

    def __call__(self, **arguments: Any) -> tuple[Tensor, dict[str, Any]]:
        """[R, X] at the last position; and the cache, or state, by the name of the argument that takes it."""
        output = self.model(**arguments, **self._only_last)
        said = output.logits if "logits" in output else output.last_hidden_state
        return said[:, -1], {name: output[name] for name in output if name in self._names}


def select_rows(state: Any, kept: Tensor, num_rows: int) -> Any:
    """What a model remembers of `num_rows` rows, of these alone; whatever the architecture keeps it in."""
    if isinstance(state, Tensor):
        return state.index_select(0, kept) if state.dim() and len(state) == num_rows else state
    if isinstance(state, (list, tuple)):
        return type(state)([select_rows(one, kept, num_rows) for one in state])
    if isinstance(state, dict):
        return {name: select_rows(one, kept, num_rows) for name, one in state.items()}
    if isinstance(state, (type, nn.Module, PreTrainedConfig)):
        return state
    if hasattr(state, "reorder_cache") and not hasattr(state, "layers"):
        state.reorder_cache(kept)
    elif hasattr(state, "__dict__"):
        for name, one in vars(state).items():
            setattr(state, name, select_rows(one, kept, num_rows))
    return state


def has_recurrent_state(model: Any) -> bool:
    """Whether the model remembers more of the past than the keys and values of its tokens."""
    if getattr(model, "_is_stateful", False):
        return True
    try:
        layers = DynamicCache(config=model.config).layers
    except AttributeError:  # a config without layers of its own, such as that of several stacks: nothing is known
        return True
    return any(isinstance(layer, LinearAttentionCacheLayerMixin) for layer in layers)


def takes_positions(model: Any) -> bool:
    """Whether the architecture takes `position_ids`; those with ALiBi derive them from the mask."""
    return "position_ids" in inspect.signature(unwrapped(model).forward).parameters
