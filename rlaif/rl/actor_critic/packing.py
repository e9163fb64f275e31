"""Packing: the sequences of a batch as one row, so that no layer computes anything for padding.

Attention is the only layer that looks at other tokens. It gets an implementation of its own through transformers'
AttentionInterface, which attends within each sequence; without packed sequences it is transformers' "sdpa".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "sdpa_packed"
SHORT = 16
"""Tokens; where no sequence has more, attending to padding costs less than an operation for each sequence."""
TRIED_LENGTHS = (4, 7, 2)
"""Of the sequences that packing is tried with."""


@dataclass(frozen=True)
class PackedSequences:
    """T tokens of B sequences."""

    input_ids: Tensor
    """[1, T]"""
    position_ids: Tensor
    """[1, T]: from 0 in every sequence."""
    lengths: list[int]
    """Of the sequences; those without tokens are left out."""

    def arguments(self, embeddings: Tensor | None = None) -> dict[str, Any]:
        """What a prepared trunk is called with; `embeddings` [1, T, H] where the tokens are looked up already.

        The mask is never looked at: it keeps transformers from making one.
        """
        unused_mask = torch.ones(1, 1, 1, 1, dtype=torch.bool, device=self.input_ids.device)
        return {
            **({"input_ids": self.input_ids} if embeddings is None else {"inputs_embeds": embeddings}),
            "position_ids": self.position_ids,
            "attention_mask": unused_mask,
            "packed_lengths": self.lengths,
        }


def pack(input_ids: Tensor, kept: Tensor) -> PackedSequences:
    """The tokens of `input_ids` [B, L] that `kept` [B, L] marks, row after row."""
    positions = kept.cumsum(1) - 1
    lengths = [length for length in kept.sum(1).tolist() if length]
    return PackedSequences(input_ids[kept][None], positions[kept][None], lengths)


def packed_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    packed_lengths: list[int] | None = None,
    **kwargs: Any,
) -> tuple[Tensor, Tensor | None]:
    """transformers' attention function: [B, heads, T, width] -> [B, T, heads, width]."""
    if packed_lengths is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)
    if kwargs.get("sliding_window") is not None or not kwargs.get("is_causal", True):
        raise ValueError("packed sequences are attended to as a whole, each token to those before it")
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    one_by_one = query.device.type == "cpu" and max(packed_lengths) > SHORT
    attend = attend_one_by_one if one_by_one else attend_padded
    return attend(query, key, value, packed_lengths, kwargs.get("dropout", 0.0), kwargs.get("scaling")), None


def attend_one_by_one(
    query: Tensor, key: Tensor, value: Tensor, lengths: list[int], dropout: float, scale: float | None
) -> Tensor:
    """[1, heads, T, width] -> [1, T, heads, width]: nothing is computed for padding."""
    sequences = zip(*(states.split(lengths, dim=2) for states in (query, key, value)), strict=True)
    attended = [
        F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True, scale=scale) for q, k, v in sequences
    ]
    return torch.cat([part.transpose(1, 2) for part in attended], dim=1)


def attend_padded(
    query: Tensor, key: Tensor, value: Tensor, lengths: list[int], dropout: float, scale: float | None
) -> Tensor:
    """The same in few operations, which is what counts on a GPU: padded on the right for the attention alone."""
    longest = max(lengths)
    counts = torch.tensor(lengths)
    ends_before = counts.cumsum(0) - counts
    slots = torch.arange(sum(lengths)) + (torch.arange(len(lengths)) * longest - ends_before).repeat_interleave(counts)
    slots = slots.to(query.device, non_blocking=True)

    def pad(states: Tensor) -> Tensor:
        tokens = states[0].transpose(0, 1)
        empty = tokens.new_zeros(len(lengths) * longest, *tokens.shape[1:])
        return empty.index_copy(0, slots, tokens).unflatten(0, (len(lengths), longest)).transpose(1, 2)

    attended = F.scaled_dot_product_attention(
        pad(query), pad(key), pad(value), dropout_p=dropout, is_causal=True, scale=scale
    )
    return attended.transpose(1, 2).flatten(0, 1).index_select(0, slots)[None]


AttentionInterface.register(NAME, packed_attention)
AttentionMaskInterface.register(NAME, sdpa_mask)


def prepare_packing(model: Any, trunk: Any) -> bool:
    """Give `model` the packed attention if it can have it; whether it could.

    It can if it uses "sdpa", attends to all earlier tokens, takes positions, and gives the same hidden states packed as
    alone: that is tried. The model computes what it did before wherever nothing is packed.
    """
    config = trunk.config
    if getattr(config, "_attn_implementation", None) != "sdpa" or slides(config):
        return False
    model.set_attn_implementation(NAME)
    if gives_the_same(trunk):
        return True
    model.set_attn_implementation("sdpa")
    return False


def is_packable(trunk: Any) -> bool:
    """Whether `prepare_packing` could."""
    return trunk.config._attn_implementation == NAME


def slides(config: Any) -> bool:
    """Whether some layers attend to the last few tokens only, or in any other way than to all."""
    kinds = getattr(config, "layer_types", None)
    if kinds is not None:
        return any(kind != "full_attention" for kind in kinds)
    return getattr(config, "sliding_window", None) is not None


@torch.no_grad()
def gives_the_same(trunk: Any) -> bool:
    """Whether sequences of unequal length, one behind the other, are read as each of them is alone."""
    device = next(trunk.parameters()).device
    rows = [(torch.arange(length, device=device) + length) % trunk.config.vocab_size for length in TRIED_LENGTHS]
    ids = nn.utils.rnn.pad_sequence(rows, batch_first=True)
    kept = torch.arange(ids.shape[1], device=device) < torch.tensor(TRIED_LENGTHS, device=device)[:, None]
    was_training = trunk.training
    trunk.eval()
    try:
        sequences = pack(ids, kept)
        embeddings = trunk.get_input_embeddings()(sequences.input_ids)
        packed = trunk(**sequences.arguments(embeddings), use_cache=False).last_hidden_state[0]
        alone = [trunk(input_ids=row[None], use_cache=False).last_hidden_state[0] for row in rows]
        return torch.allclose(packed.float(), torch.cat(alone).float(), rtol=1e-2, atol=1e-2)
    except Exception:  # what an architecture makes of what it was not written for, whatever it is
        return False
    finally:
        trunk.train(was_training)
