"""Token ids of different lengths as one table, and which to put into one so that little of it is padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

MOST_PADDING = 0.1
"""Of a batch's tokens."""


def pad_left(rows: Sequence[Sequence[int]], pad_id: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Ids [rows, longest] with the padding before the tokens, and the mask (int64, 1 at tokens)."""
    longest = max(len(row) for row in rows)
    ids = [[pad_id] * (longest - len(row)) + list(row) for row in rows]
    mask = [[0] * (longest - len(row)) + [1] * len(row) for row in rows]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)


def pad_right(sequences: Sequence[Sequence[int]], pad_id: int) -> tuple[Tensor, Tensor]:
    """Ids and mask [rows, longest]; the mask comes from lengths, never from ids, because pad may be EOS.

    An empty sequence gets one padding token, which counts.
    """
    longest = max([1, *map(len, sequences)])
    input_ids = torch.full((len(sequences), longest), pad_id)
    mask = torch.zeros((len(sequences), longest), dtype=torch.long)
    for row, sequence in enumerate(sequences):
        input_ids[row, : len(sequence)] = torch.tensor(sequence, dtype=torch.long)
        mask[row, : max(1, len(sequence))] = 1
    return input_ids, mask


def tokens_first(attention_mask: Tensor, *tables: Tensor) -> list[Tensor]:
    """[rows, length] tables with each row's tokens moved to its beginning, in their order, and its padding behind them.

    A causal model's tokens never see padding behind them, so that no mask is needed; recurrent states would see padding
    before them, mask or not.
    """
    order = (attention_mask == 0).to(torch.uint8).argsort(dim=1, stable=True)
    return [table.gather(1, order) for table in tables]


def batches_of_like_length(lengths: Sequence[int], batch_size: int) -> Iterator[list[int]]:
    """Indices, the longest first, in batches of which MOST_PADDING at most is padding."""
    batch: list[int] = []
    num_tokens = 0
    for index in sorted(range(len(lengths)), key=lambda index: (-lengths[index], index)):
        padded = (len(batch) + 1) * lengths[batch[0]] if batch else 0
        if len(batch) == batch_size or num_tokens + lengths[index] < (1 - MOST_PADDING) * padded:
            yield batch
            batch, num_tokens = [], 0
        batch.append(index)
        num_tokens += lengths[index]
    if batch:
        yield batch
