"""Whether a model is a causal one: each token's distribution comes from the tokens before it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rlaif.errors import UserError
from rlaif.models.generation import device_of, eval_mode
from rlaif.models.trunk import unwrapped


def require_one_stack(model: Any, name: str) -> None:
    """UserError for an encoder-decoder."""
    if getattr(unwrapped(model).config, "is_encoder_decoder", False):
        raise UserError(
            f"{name}: a {type(unwrapped(model)).__name__} is an encoder-decoder, whose prompt and completion go into "
            "different stacks: only decoders alone are trained, those that AutoModelForCausalLM loads"
        )


@torch.no_grad()
def require_causal(model: Any, name: str) -> None:
    """UserError where a later token changes what the model says of the tokens before it, or it reads no tokens."""
    ids = torch.tensor([[0, 1, 0], [0, 1, 1]], device=device_of(model))
    try:
        with eval_mode(model):
            output = model(input_ids=ids, use_cache=False)
        states: Tensor = output.logits if hasattr(output, "logits") else output.last_hidden_state
    except Exception as error:  # whatever an architecture raises
        said = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise UserError(f"{name}: a {type(unwrapped(model)).__name__} cannot read tokens alone: {said}") from error
    one, other = states[:, :2].float()
    tolerance = 1e-4 if states.dtype == torch.float32 else 2e-2
    if (one - other).abs().max() > tolerance * one.abs().max():
        config = unwrapped(model).config
        way_out = ": load it with is_decoder=True" if getattr(config, "is_decoder", None) is False else ""
        raise UserError(
            f"{name}: a {type(unwrapped(model)).__name__} attends to later tokens, and is no causal model{way_out}"
        )
