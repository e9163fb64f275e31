"""Batches of sequences of similar length, in random order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import Sampler

SORTED_BATCHES = 50  # batches that are sorted by length together; the rest stays shuffled


class LengthGroupedSampler(Sampler[int]):
    """Indices of an epoch, such that neighbours have similar lengths and batches come in random order.

    The order depends on seed and epoch alone. Padding then costs a few percent of the tokens.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self.lengths, self.batch_size, self.seed = lengths, batch_size, seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        shuffled = torch.randperm(len(self.lengths), generator=generator).tolist()
        window = self.batch_size * SORTED_BATCHES
        grouped: list[int] = []
        for start in range(0, len(shuffled), window):
            grouped += sorted(shuffled[start : start + window], key=lambda index: -self.lengths[index])
        num_full = len(grouped) // self.batch_size
        for batch in torch.randperm(num_full, generator=generator).tolist():
            yield from grouped[batch * self.batch_size : (batch + 1) * self.batch_size]
        yield from grouped[num_full * self.batch_size :]  # the smaller batch has to be the last
