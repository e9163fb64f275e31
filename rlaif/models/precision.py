"""Trained weights are fp32, whatever they came in.

Of 8 bits of mantissa a step of lr 1e-6 changes a weight in three hundred; Adam's ε is 0 in fp16, and its gradients are.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

logger = logging.getLogger(__name__)

HALF = (torch.bfloat16, torch.float16)


def train_in_fp32(model: Any, *, keep_frozen: bool = True) -> bool:
    """Make what is trained fp32, in place: the same parameters, with other values in them.

    What is frozen below PEFT's adapters keeps its bf16, for its memory; otherwise, and where it is fp16, whose
    gradients vanish, all of the model becomes fp32. Quantised weights are none of these, and stay.

    Args:
        keep_frozen: False makes all of it fp32 in any case.

    Returns:
        Whether the model now needs bf16 autocast: fp32 weights stand beside bf16 ones that are no adapter's.
    """
    before = {one.dtype for one in model.parameters() if one.dtype in HALF}
    trained = [one for one in model.parameters() if one.requires_grad and one.dtype in HALF]
    some_stay = keep_frozen and hasattr(model, "peft_config") and torch.float16 not in before
    if not before or (some_stay and not trained):
        return False
    size = num_bytes(model)
    if some_stay:
        for one in trained:
            one.data = one.data.float()
    else:
        to_fp32(model)
    kinds = " and ".join(sorted(str(kind).removeprefix("torch.") for kind in before))
    logger.warning(
        "%s: its %s weights are trained in float32 (%.0f MB more), where small steps are not rounded away%s",
        type(model).__name__, kinds, (num_bytes(model) - size) / 1e6,
        "; beside frozen ones in bfloat16 they need torch.autocast" if some_stay else "",
    )  # fmt: skip
    return some_stay


@torch.no_grad()
def to_fp32(model: nn.Module) -> None:
    """Every half-precision parameter and buffer, in place, and the config's word on it."""
    for tensor in tensors_of(model):
        if tensor.dtype in HALF:
            tensor.data = tensor.data.float()
    config: Any = getattr(model, "config", None)
    if getattr(config, "dtype", None) in HALF:
        config.dtype = torch.float32


def tensors_of(model: nn.Module) -> Iterator[Tensor]:
    yield from model.parameters()
    yield from model.buffers()


def num_bytes(model: nn.Module) -> int:
    return sum(one.numel() * one.element_size() for one in model.parameters())
