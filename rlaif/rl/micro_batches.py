"""Which sequences go through the model together: those of like length, as many as a budget allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from torch import Tensor


class MicroBatch(NamedTuple):
    """Rows of a rollout."""

    rows: Tensor
    """[n] int64"""
    longest: int
    """Tokens of the longest of them: what the others are padded to."""


def micro_batches(
    rows: Tensor, lengths: Tensor, max_rows: int, max_tokens: int | None = None, num_shares: int = 1
) -> list[MicroBatch]:
    """The rows in micro-batches by length, so that little is padding.

    Args:
        rows: [n] indices into ``lengths``.
        lengths: [B] tokens of each sequence.
        max_rows: sequences of a micro-batch at most.
        max_tokens: tokens of one at most, padding included; a longer sequence is one by itself.
        num_shares: processes that share them; there is one for each, where there are rows enough.
    """
    if not len(rows):
        return []
    by_length = rows[lengths[rows].argsort(stable=True)]
    sizes = lengths[by_length].tolist()
    max_rows = min(max_rows, -(-len(sizes) // num_shares))
    ends = list(_ends(sizes, max_rows, max_tokens))
    starts = [0, *ends[:-1]]
    return [MicroBatch(by_length[start:end], sizes[end - 1]) for start, end in zip(starts, ends, strict=True)]


def _ends(sizes: Sequence[int], max_rows: int, max_tokens: int | None) -> Iterator[int]:
    start = 0
    for end, size in enumerate(sizes):  # ascending, so that the next one is the longest so far
        is_full = end - start == max_rows or (max_tokens is not None and (end - start + 1) * size > max_tokens)
        if is_full and end > start:
            yield end
            start = end
    yield len(sizes)
