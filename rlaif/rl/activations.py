"""Activations that transformers writes out step by step, as single operations."""

from __future__ import annotations

from torch import nn
from transformers.activations import NewGELUActivation


def fuse_activations(model: nn.Module) -> None:
    """GPT-2's GELU, written in transformers as eight operations that each keep a tensor, as PyTorch's single one."""
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) is NewGELUActivation:
                setattr(module, name, nn.GELU(approximate="tanh"))
