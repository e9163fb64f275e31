"""Choosing tokens by inverting the cumulative distribution, and what was to be known of the choice."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

BLOCK = 256
"""Tokens of the vocabulary whose probabilities are summed first; only the chosen block is looked at token by token."""


class Choice(NamedTuple):
    """Of R rows."""

    tokens: Tensor
    """[R] int64"""
    logprobs: Tensor
    """[R] fp32"""
    entropy: Tensor
    """[R] fp32"""


def choose(logits: Tensor, uniforms: Tensor, temperature: float) -> Choice:
    """The token y of softmax(logits / temperature) with F(y − 1) ≤ u < F(y), F being the cumulative distribution.

    One pass of exponentials in fp32; sums over blocks of the vocabulary, then within one block, in fp64. A token with
    probability 0 is never chosen.

    Args:
        logits: [R, V]; used up.
        uniforms: [R] float64 in [0, 1).
    """
    logits = logits.float()
    if temperature != 1:
        logits /= temperature
    logits -= logits.amax(1, keepdim=True)
    exponentials = logits.exp()
    masses = block_masses(exponentials)
    block, rest = invert(masses, uniforms)
    columns = block[:, None] * BLOCK + torch.arange(BLOCK, device=logits.device)
    inside = columns < logits.shape[1]
    columns = columns.clamp(max=logits.shape[1] - 1)
    within, _ = invert(exponentials.gather(1, columns).double() * inside, rest)
    tokens = columns.gather(1, within[:, None])[:, 0]

    total = masses.sum(1).float()
    log_total = total.log()
    logprobs = logits.gather(1, tokens[:, None])[:, 0] - log_total
    mean = logits.mul_(exponentials).sum(1) / total
    return Choice(tokens, logprobs, log_total - mean)


def block_masses(exponentials: Tensor) -> Tensor:
    """[R, V] -> [R, blocks] fp64: sums over BLOCK columns each, the last block being what is left."""
    whole = exponentials.shape[1] // BLOCK * BLOCK
    masses = exponentials[:, :whole].unflatten(1, (-1, BLOCK)).sum(2)
    if whole < exponentials.shape[1]:
        masses = torch.cat([masses, exponentials[:, whole:].sum(1, keepdim=True)], dim=1)
    return masses.double()


def invert(masses: Tensor, uniforms: Tensor) -> tuple[Tensor, Tensor]:
    """[R, K] fp64, [R] -> the index k [R] into whose mass u · total falls, and how far into it [R], in [0, 1)."""
    cumulative = masses.cumsum(1)
    target = uniforms[:, None] * cumulative[:, -1:]
    index = torch.searchsorted(cumulative, target, right=True).clamp(max=masses.shape[1] - 1)
    mass = masses.gather(1, index)
    start = cumulative.gather(1, index) - mass
    into = ((target - start) / mass).clamp(0, 1 - 2**-53)
    return index[:, 0], into[:, 0]
