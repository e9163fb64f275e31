"""PPO for language models, with the names that users of TRL know. Usable without the rest of this project."""

import gc
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rlaif.rl.config import PPOConfig
    from rlaif.rl.reward_funcs.rewards import overlaps_decoding
    from rlaif.rl.trainer import PPOTrainer

__all__ = ["PPOConfig", "PPOTrainer", "overlaps_decoding"]
_WHERE = {"PPOConfig": "config", "PPOTrainer": "trainer", "overlaps_decoding": "reward_funcs.rewards"}


def __getattr__(name: str) -> Any:
    """Imported when asked for: torch takes seconds."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with _no_garbage_collection():
        return getattr(importlib.import_module(f"rlaif.rl.{_WHERE[name]}"), name)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Modules are no garbage, but looking for it among those of torch takes a fifth of the time of importing them."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
