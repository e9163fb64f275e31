"""The parts of a transformers model: what is inside PEFT's wrapper, the trunk below the head, and its width."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel


def unwrapped(model: Any) -> Any:
    """The transformers model inside PEFT's wrapper; adapters live in its layers and stay active."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def trunk_of(model: nn.Module) -> Any:
    """The model without its head; the model itself where it has none."""
    inner = unwrapped(model)
    name = trunk_name(inner)
    return inner if name is None else getattr(inner, name)


def trunk_name(model: Any) -> str | None:
    """The attribute that holds a model's trunk; None where it is one itself."""
    if hasattr(model, model.base_model_prefix):
        return str(model.base_model_prefix)
    # A language model that was cut from a multimodal one keeps that one's prefix.
    inside = [name for name, child in model.named_children() if isinstance(child, PreTrainedModel)]
    return inside[0] if inside and model.get_output_embeddings() is not None else None


@torch.no_grad()
def width_of(trunk: Any) -> int:
    """The width of a trunk's last hidden states, which config.hidden_size is not always (OPT-350m)."""
    was_training = trunk.training
    trunk.eval()
    try:
        ids = torch.zeros(1, 1, dtype=torch.long, device=next(trunk.parameters()).device)
        return int(trunk(input_ids=ids, use_cache=False).last_hidden_state.shape[-1])
    finally:
        trunk.train(was_training)
