"""What is different where weights are cut among processes (FSDP2): making them whole, and saving them whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.fsdp import FSDPModule


def is_sharded(model: nn.Module) -> bool:
    return isinstance(model, FSDPModule)


@torch.no_grad()
def wake_up(model: nn.Module, device: torch.device) -> None:
    """One forward pass through the outermost module, so that it and no inner one takes itself for the outermost."""
    ids = torch.zeros(1, 2, dtype=torch.long, device=device)
    model(ids, ids == ids)


@contextmanager
def whole_weights(model: nn.Module) -> Iterator[None]:
    """Inside, each process has all weights, and modules can be called on their own, at each process's own pace."""
    parts = [module for module in model.modules() if isinstance(module, FSDPModule)]
    for part in parts:
        part.set_reshard_after_forward(False)
        part.unshard()
    try:
        yield
    finally:
        for part in parts:
            part.reshard()
            part.set_reshard_after_forward(True)


WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)
FROM_FIRST = StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)


def whole_state(model: nn.Module) -> dict[str, Any]:
    """The model's state dict on the first process, empty on others; all have to call it."""
    return get_model_state_dict(model, options=WHOLE)


def training_state(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    return {
        "model": get_model_state_dict(model, options=WHOLE),
        "optimizer": get_optimizer_state_dict(model, optimizer, options=WHOLE),
    }


def load_training_state(model: nn.Module, optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    set_model_state_dict(model, state["model"], options=FROM_FIRST)
    set_optimizer_state_dict(model, optimizer, state["optimizer"], options=FROM_FIRST)
