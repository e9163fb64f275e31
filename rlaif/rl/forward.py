"""One forward pass over sequences: log-probabilities, values and entropy of their actions.

The head sees only hidden states that choose an action, so that no full-vocabulary logits are
made for prompts or padding.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from rlaif.errors import UserError
from rlaif.rl.config import TrainingPrecision
from rlaif.rl.functional import entropy_of, logprobs_of


class ActionScores(NamedTuple):
    """Per-token results, [B, L] fp32 each; 0 outside the action mask."""

    logprobs: Tensor
    values: Tensor | None
    entropy: Tensor | None


def score_actions(
    model: nn.Module,
    input_ids: Tensor,
    action_mask: Tensor,
    *,
    temperature: float,
    value_head: nn.Module | None = None,
    attention_mask: Tensor | None = None,
    with_entropy: bool = False,
) -> ActionScores:
    """Score the tokens of `input_ids` [B, L] that `action_mask` [B, L] marks.

    Without `attention_mask` the sequences are padded on the right: a causal model's real
    tokens then see no padding, and attention needs no mask, which is faster. Padding on the
    left needs the mask [B, L]. The action at t is scored from the hidden state at t − 1, so
    column 0 is never an action. `values` needs `value_head`, `entropy` needs `with_entropy`.
    """
    padding = {} if attention_mask is None else mask_and_positions(attention_mask)
    hidden = trunk_of(model)(input_ids=input_ids, use_cache=False, **padding).last_hidden_state
    is_action = action_mask[:, 1:]
    states = hidden[:, :-1][is_action]
    logits = head_of(model)(states)

    def placed(per_action: Tensor) -> Tensor:
        return per_action.new_zeros(action_mask.shape).masked_scatter(action_mask, per_action)

    return ActionScores(
        logprobs=placed(logprobs_of(logits, input_ids[:, 1:][is_action], temperature)),
        values=placed(value_head(states)) if value_head is not None else None,
        entropy=placed(entropy_of(logits, temperature)) if with_entropy else None,
    )


def mask_and_positions(attention_mask: Tensor) -> dict[str, Tensor]:
    positions = (attention_mask.long().cumsum(1) - 1).clamp(min=0)
    return {"attention_mask": attention_mask.long(), "position_ids": positions}


def unwrapped(model: Any) -> Any:
    """The transformers model inside PEFT's wrapper; adapters live in its layers and stay active."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def trunk_of(model: nn.Module) -> Any:
    """The model without its language-modelling head."""
    inner = unwrapped(model)
    return getattr(inner, inner.base_model_prefix)


def head_of(model: nn.Module) -> Any:
    """The language-modelling head: hidden states [..., H] -> logits [..., V]."""
    return unwrapped(model).get_output_embeddings()


@torch.no_grad()
def require_plain_head(model: nn.Module) -> None:
    """UserError for architectures whose logits are not head(trunk(ids)), such as soft-capped ones."""
    ids = torch.tensor([[0, 1]], device=next(model.parameters()).device)
    whole = model(input_ids=ids, use_cache=False).logits
    split = head_of(model)(trunk_of(model)(input_ids=ids, use_cache=False).last_hidden_state)
    if not torch.allclose(whole.float(), split.float(), rtol=1e-3, atol=1e-3):
        raise UserError(
            f"{type(unwrapped(model)).__name__} changes its logits after the head (scaling or soft-capping); "
            "PPO supports only models whose logits are the head of the last hidden state"
        )


@contextmanager
def training_precision(device: torch.device, precision: TrainingPrecision) -> Iterator[None]:
    """bf16 autocast or plain fp32. On CPUs without bf16 units, bf16 is slower than fp32, not faster."""
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16"):
        yield
