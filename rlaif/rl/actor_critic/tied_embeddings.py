"""One gradient for an embedding that is also the head.

Autograd makes a dense gradient [V, H] for the lookup, nearly all of it zeros, and adds it to the head's. Here the
head leaves its gradient with the lookup, which runs backward last and adds its few rows in place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass
class HeadGradient:
    """Of one forward pass: what the head's backward leaves for the lookup's."""

    weight: Tensor | None = None

    def leave(self, gradient: Tensor) -> None:
        self.weight = gradient if self.weight is None else self.weight + gradient

    def take(self) -> Tensor | None:
        gradient, self.weight = self.weight, None
        return gradient


def is_tied(embedding: nn.Module, head: nn.Module) -> bool:
    """Whether the lookup can collect the head's gradient: plain layers on one weight that is trained."""
    return (
        type(embedding) is nn.Embedding
        and type(head) is nn.Linear
        and head.weight is embedding.weight
        and head.weight.requires_grad
        and embedding.padding_idx is None
        and embedding.max_norm is None
        and not embedding.scale_grad_by_freq
        and not embedding.sparse
    )


class Lookup(torch.autograd.Function):
    """weight[ids]: [V, H], [...] -> [..., H]; its gradient includes what was left in `head_gradient`."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, ids: Tensor, head_gradient: HeadGradient) -> Tensor:
        ctx.save_for_backward(ids)
        ctx.shape, ctx.head_gradient = weight.shape, head_gradient
        return F.embedding(ids, weight)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (ids,) = ctx.saved_tensors
        gradient = ctx.head_gradient.take()
        if gradient is None:
            gradient = grads[0].new_zeros(ctx.shape)
        rows = grads[0].reshape(-1, ctx.shape[1])
        gradient.index_add_(0, ids.reshape(-1), rows.to(gradient.dtype))
        return gradient, None, None
