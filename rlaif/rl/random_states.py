"""The random states of a process.

The trainer's own randomness is derived from the seed and the number of rollouts done. These are
for what users bring along: reward functions and models that draw from the global generators.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch


def random_states() -> dict[str, Any]:
    """Of Python, NumPy and PyTorch, as plain values and tensors."""
    name, keys, *numbers = np.random.get_state(legacy=True)
    version, internal, gauss = random.getstate()
    return {
        "python": [version, list(internal), gauss],
        "numpy": [name, torch.from_numpy(np.asarray(keys).astype(np.int64)), *numbers],
        "torch": torch.get_rng_state(),
        "accelerator": accelerator.get_rng_state_all() if (accelerator := with_streams()) else [],
    }


def with_streams() -> Any:
    """PyTorch's module for the machine's accelerators; None where there is none, or it has no random states to keep."""
    module: Any = torch.get_device_module() if torch.accelerator.is_available() else None
    return module if hasattr(module, "get_rng_state_all") else None


def restore_random_states(states: dict[str, Any]) -> None:
    """What `random_states` gave."""
    version, internal, gauss = states["python"]
    random.setstate((version, tuple(internal), gauss))
    name, keys, *numbers = states["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *numbers))
    torch.set_rng_state(states["torch"])
    kept, accelerator = states.get("accelerator", states.get("cuda", [])), with_streams()
    if accelerator is not None and len(kept) == accelerator.device_count():
        accelerator.set_rng_state_all(kept)
