"""A KV cache that is allocated once for a whole generation.

transformers' DynamicCache copies all keys and values at every token; at small batch sizes
and widths that is a good part of the decoding time.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers.cache_utils import DynamicCache, DynamicLayer


class ReservedLayer(DynamicLayer):
    """One layer's keys and values [rows, heads, tokens, width], views of buffers with room to grow."""

    _layer_type = None  # not a layer type of transformers' own table

    def __init__(self, num_reserved: int) -> None:
        super().__init__()
        self.num_reserved = num_reserved
        self.num_tokens = 0

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Append the new tokens; the keys and values so far."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self._key_buffer = self._reserve(key_states)
            self._value_buffer = self._reserve(value_states)
        end = self.num_tokens + key_states.shape[-2]
        self._key_buffer[..., self.num_tokens : end, :] = key_states
        self._value_buffer[..., self.num_tokens : end, :] = value_states
        self.num_tokens = end
        return self._expose()

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep only these rows."""
        self._key_buffer = self._key_buffer[indices]
        self._value_buffer = self._value_buffer[indices]
        self._expose()

    def _reserve(self, states: Tensor) -> Tensor:
        rows, heads, _, width = states.shape
        return states.new_empty(rows, heads, self.num_reserved, width)

    def _expose(self) -> tuple[Tensor, Tensor]:
        self.keys = self._key_buffer[..., : self.num_tokens, :]
        self.values = self._value_buffer[..., : self.num_tokens, :]
        return self.keys, self.values


def reserve_cache(config: Any, num_tokens: int) -> DynamicCache:
    """A cache for `num_tokens` tokens a row; layers that are not full attention keep transformers' own."""
    cache = DynamicCache(config=config)
    cache.layers = [ReservedLayer(num_tokens) if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache
