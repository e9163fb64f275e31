"""What is different where weights are cut among processes (FSDP2): cutting, making them whole, and saving them whole.

PyTorch's own functions, not accelerate's: those copy tied weights apart where a module around the transformers model
is cut, and cut nothing on a CPU.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from accelerate.utils import FullyShardedDataParallelPlugin
from torch import nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import CPUOffloadPolicy, FSDPModule, fully_shard

from rlaif.errors import UserError
from rlaif.rl.actor_critic.forward import ActorCritic, unwrapped


@dataclass(frozen=True)
class Sharding:
    """How weights are cut."""

    reshard_after_forward: bool
    """Whether a layer's weights are given away between its forward and its backward pass."""


def asked_for() -> Sharding | None:
    """What `accelerate launch` was told; None: each process holds all weights.

    Raises:
        UserError: FSDP1, or weights that wait on the CPU.
    """
    if os.environ.get("ACCELERATE_USE_FSDP", "false").lower() != "true":
        return None
    plugin = FullyShardedDataParallelPlugin()
    if plugin.fsdp_version != 2:
        raise UserError("accelerate's config asks for FSDP 1: set fsdp_version: 2 in its fsdp_config")
    if isinstance(plugin.cpu_offload, CPUOffloadPolicy):
        raise UserError("accelerate's config asks for fsdp_offload_params, which PPO does not support: set it to false")
    return Sharding(reshard_after_forward=bool(plugin.reshard_after_forward))


def shard(model: ActorCritic, optimizer: torch.optim.Optimizer, device: torch.device, sharding: Sharding) -> None:
    """Cut the weights of each layer, of the value head, and what is left; `optimizer`, still new, gets the pieces."""
    names = {parameter: name for name, parameter in model.named_parameters()}
    mesh = init_device_mesh(device.type, (torch.distributed.get_world_size(),))
    for part in parts_of(model):
        fully_shard(part, mesh=mesh, reshard_after_forward=sharding.reshard_after_forward)
    fully_shard(model, mesh=mesh, reshard_after_forward=False)  # what is left is needed at both ends of a pass
    pieces = dict(model.named_parameters())
    for group in optimizer.param_groups:
        group["params"] = [pieces[names[parameter]] for parameter in group["params"]]
    wake_up(model, device)


def parts_of(model: ActorCritic) -> list[nn.Module]:
    """The transformers' layers, as their classes name them, and the value head."""
    layers = []
    for transformer in (model.policy, model.value_trunk):
        if transformer is not None:
            kinds = set(getattr(unwrapped(transformer), "_no_split_modules", None) or ())
            layers += [module for module in transformer.modules() if type(module).__name__ in kinds]
    return [*layers, model.value_head]


@torch.no_grad()
def wake_up(model: Any, device: torch.device) -> None:
    """One forward pass through the outermost module, so that it and no inner one takes itself for the outermost."""
    model(torch.zeros(1, 2, dtype=torch.long, device=device), torch.tensor([[False, True]], device=device))
    model.reshard()


@contextmanager
def whole_weights(model: nn.Module, sharding: Sharding) -> Iterator[None]:
    """Inside, each process has all weights, and modules can be called on their own, at each process's own pace."""
    parts = [module for module in model.modules() if isinstance(module, FSDPModule)]
    for part in parts:
        part.set_reshard_after_forward(False, recurse=False)
        part.unshard()
    try:
        yield
    finally:
        for part in parts:
            part.reshard()
            part.set_reshard_after_forward(sharding.reshard_after_forward and part is not model, recurse=False)


@contextmanager
def keeping_gradients(model: Any) -> Iterator[None]:
    """Backward passes inside leave their gradients with the process."""
    model.set_requires_gradient_sync(False)
    try:
        yield
    finally:
        model.set_requires_gradient_sync(True)


WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)
FROM_FIRST = StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)


def whole_state(model: nn.Module) -> dict[str, Any]:
    """The model's state dict on the first process, each tied weight once; empty on others. All have to call it."""
    tied = {name for name, _ in model.named_parameters(remove_duplicate=False)} - dict(model.named_parameters()).keys()
    return {name: tensor for name, tensor in get_model_state_dict(model, options=WHOLE).items() if name not in tied}


def training_state(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    return {
        "model": get_model_state_dict(model, options=WHOLE),
        "optimizer": get_optimizer_state_dict(model, optimizer, options=WHOLE),
    }


def load_training_state(model: nn.Module, optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    set_model_state_dict(model, state["model"], options=FROM_FIRST)
    set_optimizer_state_dict(model, optimizer, state["optimizer"], options=FROM_FIRST)
