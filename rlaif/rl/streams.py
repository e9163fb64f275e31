"""Where randomness comes from: each purpose has seeds of its own, and no generator outlives its use.

A resumed run therefore needs nothing but how far it came to go on with the same randomness.
"""

from __future__ import annotations

from typing import Literal

import torch

from rlaif.models.generation import derive_seed

Purpose = Literal["prompts", "sample", "shuffle", "ptx"]
NUMBERS: dict[Purpose, int] = {"prompts": 0, "sample": 1, "shuffle": 2, "ptx": 3}


def stream_seed(seed: int, purpose: Purpose, index: int) -> int:
    """The seed of the `index`th use for a purpose."""
    return derive_seed(seed, NUMBERS[purpose], index)


def shuffled_rows(seed: int, num_rows: int, start: int, size: int) -> list[int]:
    """`size` row numbers from position `start` on in endless passes over all rows, each in an order of its own."""
    rows: list[int] = []
    while len(rows) < size:
        num_passes, offset = divmod(start + len(rows), num_rows)
        shuffle = torch.Generator().manual_seed(stream_seed(seed, "prompts", num_passes))
        order = torch.randperm(num_rows, generator=shuffle).tolist()
        rows += order[offset : offset + size - len(rows)]
    return rows
