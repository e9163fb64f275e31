"""Which device this process's models are on, and what follows from it: the one place that asks.

It is PyTorch's accelerator, of whatever kind; under a launcher the one that LOCAL_RANK names. CUDA_VISIBLE_DEVICES
and its like hide devices from PyTorch; ACCELERATE_USE_CPU and ACCELERATE_TORCH_DEVICE mean what accelerate means.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from accelerate import PartialState

YES = ("1", "true", "t", "yes", "y", "on")
PATIENCE = timedelta(days=30)
"""Until an exchange between processes that one of them does not join is given up: whoever started them notices
sooner when one has ended, and a judge, or a disk, may keep one busy for long."""


def current_device() -> torch.device:
    """Where this process's models belong: an accelerator with its index, or the CPU."""
    named = os.environ.get("ACCELERATE_TORCH_DEVICE")
    if named:
        return torch.empty(0, device=named).device  # "cuda" with its index
    asks_for_cpu = os.environ.get("ACCELERATE_USE_CPU", "").lower() in YES
    kind = torch.accelerator.current_accelerator()
    if asks_for_cpu or kind is None or not torch.accelerator.is_available():
        return torch.device("cpu")
    local_rank = int(os.environ.get("LOCAL_RANK", "-1"))
    if local_rank < 0:
        return torch.device(kind.type, torch.accelerator.current_device_index())
    return torch.device(kind.type, local_rank % torch.accelerator.device_count())


def moved(model: Any, device: torch.device | None = None) -> Any:
    """The model, on `device` or else the current one; what its modules share they still share.

    `Module.to` makes new parameters for kinds of devices that keep tensors in a form of their own, one for each name.
    """
    names: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
    model = model.to(device or current_device())
    for first, *others in names.values():
        for name in others:
            owner, _, leaf = name.rpartition(".")
            setattr(model.get_submodule(owner), leaf, model.get_parameter(first))
    return model


def accelerate_state() -> PartialState:
    """accelerate's view of this process, on the current device; with several processes it forms their group.

    accelerate knows kinds of accelerators by name, PyTorch any: of one that accelerate takes for none, it is told.
    """
    from accelerate import PartialState

    device = current_device()
    # Without being told, several processes on a machine without a GPU would each take themselves for the only one.
    state = PartialState(cpu=device.type == "cpu", timeout=PATIENCE)
    if state.device.type == "cpu" and not state._cpu:
        state.device = device
    return state


def computes_in_bf16(device: torch.device) -> bool:
    """Whether bf16 autocast is native to the device.

    A CPU without bf16 instructions emulates it: matrix products take some fifty times as long
    as in fp32. There, and where PyTorch cannot tell, bf16 gives way to fp32; so it does on GPUs older than Ampere.
    """
    if device.type == "cpu":
        capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
        return any(capabilities.get(name, False) for name in ("amx_bf16", "avx512_bf16", "bf16"))
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return autocasts_to_bf16(device)


@cache
def autocasts_to_bf16(device: torch.device) -> bool:
    """Whether a matrix product comes out in bf16: what PyTorch says of a kind of device is not what it can do."""
    numbers = torch.ones(8, 8, device=device)
    try:
        with torch.autocast(device.type, torch.bfloat16):
            return (numbers @ numbers).dtype is torch.bfloat16
    except (RuntimeError, NotImplementedError):  # a kind of device without autocast, or without bf16
        return False


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """PyTorch's random streams, the device's too, start from `seed` inside, and go on as before after."""
    device = current_device()
    module: Any = torch.get_device_module(device)
    has_stream = device.type != "cpu" and hasattr(module, "get_rng_state")
    with torch.random.fork_rng([device.index] if has_stream else [], device_type=device.type):
        torch.manual_seed(seed)
        yield


def free_memory() -> None:
    """Give back what is left over on an accelerator, trainers that refer to themselves among it, before the next
    model comes."""
    device = current_device()
    if device.type == "cpu":
        return
    gc.collect()
    module: Any = torch.get_device_module(device)
    if hasattr(module, "empty_cache"):
        module.empty_cache()


def saveable(state: Any) -> Any:
    """A state dict as `torch.save` can write it: of PyTorch's own kinds of devices as it is, of others on the CPU."""
    if isinstance(state, dict):
        return {key: saveable(value) for key, value in state.items()}
    if isinstance(state, list):
        return [saveable(value) for value in state]
    is_foreign = isinstance(state, torch.Tensor) and state.device.type not in ("cpu", "cuda", "xpu", "mps")
    return state.cpu() if is_foreign else state
