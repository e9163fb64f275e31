"""Prompts and completions of different lengths as one table."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def pad_sequences(
    prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]]
) -> tuple[Tensor, Tensor, list[int]]:
    """(input_ids [N, L] int64, action_mask [N, L] bool, N lengths), on the CPU.

    A row is prompt, completion, padding of 0; the mask is True at the completion's tokens.
    """
    lengths = [len(prompt) + len(completion) for prompt, completion in zip(prompts, completions, strict=True)]
    input_ids = torch.zeros(len(lengths), max(lengths), dtype=torch.long)
    action_mask = torch.zeros_like(input_ids, dtype=torch.bool)
    for row, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
        input_ids[row, : lengths[row]] = torch.tensor([*prompt, *completion])
        action_mask[row, len(prompt) : lengths[row]] = True
    return input_ids, action_mask, lengths
