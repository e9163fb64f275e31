"""A KV cache that takes packed prompts and lays them out as rows padded on the left, ready for decoding."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache

from rlaif.models.kv_cache import ReservedLayer


class PromptLayer(ReservedLayer):
    """One layer: its first update gets all prompts as one row [1, heads, T, width] and gives them back as they are."""

    def __init__(self, num_reserved: int, rows: Tensor, columns: Tensor, num_rows: int, num_columns: int) -> None:
        super().__init__(num_reserved)
        self.rows, self.columns = rows, columns
        self.num_rows, self.num_columns = num_rows, num_columns

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        if self.is_initialized:
            return super().update(key_states, value_states, *args, **kwargs)
        self.lazy_initialization(key_states, value_states)
        self._key_buffer, self._value_buffer = self._laid_out(key_states), self._laid_out(value_states)
        self.num_tokens = self.num_columns
        self._expose()
        return key_states, value_states

    def _laid_out(self, states: Tensor) -> Tensor:
        _, heads, _, width = states.shape
        # Zeros, not whatever lies there: masked attention multiplies the padding by 0.
        buffer = states.new_zeros(self.num_rows, self.num_reserved, heads, width).transpose(1, 2)
        buffer[self.rows, :, self.columns] = states[0].transpose(0, 1)
        return buffer


def packed_prompt_cache(config: Any, lengths: list[int], num_new: int, device: torch.device) -> DynamicCache:
    """For prompts of these lengths and `num_new` tokens after each."""
    longest = max(lengths)
    rows = torch.arange(len(lengths)).repeat_interleave(torch.tensor(lengths))
    columns = torch.cat([torch.arange(longest - length, longest) for length in lengths])
    layout = (rows.to(device), columns.to(device), len(lengths), longest)
    cache = DynamicCache(config=config)
    cache.layers = [PromptLayer(longest + num_new, *layout) for _ in cache.layers]
    return cache
