"""Activations that are computed again in the backward pass instead of being kept."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from transformers.modeling_layers import GradientCheckpointingLayer

from rlaif.errors import UserError
from rlaif.models.trunk import trunk_of


def recompute_layers(model: nn.Module) -> None:
    """Let the model's layers keep nothing but their inputs, whatever mode they are in.

    transformers' own layers do so in training mode only, which is also what switches dropout, layer drop and router
    noise on, under names that differ by architecture. A policy stays in eval mode: it is one distribution for sampling
    and training.

    Raises:
        UserError: no layers are found.
    """
    layers = layers_of(model)
    if not layers:
        raise UserError(f"gradient_checkpointing: no layers are found in {type(model).__name__}, set it to False")
    for layer in layers:
        layer.forward = partial(recomputed, layer)  # type: ignore[method-assign]


def layers_of(model: Any) -> list[nn.Module]:
    """What transformers would recompute; where it does not say, whatever there are as many of as layers, in a list."""
    modules = list(model.modules())
    known: list[nn.Module] = [module for module in modules if isinstance(module, GradientCheckpointingLayer)]
    if known:
        return known
    num_layers = getattr(trunk_of(model).config.get_text_config(), "num_hidden_layers", None)
    lists = [module for module in modules if isinstance(module, nn.ModuleList) and len(module) == num_layers]
    return [layer for one in lists for layer in one]


def recomputed(layer: Any, *args: Any, **kwargs: Any) -> Any:
    """The layer's forward pass; under gradients without what it remembers of its insides."""
    forward = type(layer).forward
    if not torch.is_grad_enabled():
        return forward(layer, *args, **kwargs)
    return checkpoint(forward, layer, *args, use_reentrant=False, preserve_rng_state=False, **kwargs)
