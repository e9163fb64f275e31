"""PPO for language models, with the names that users of TRL know. Usable without the rest of this project."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rlaif.rl.config import PPOConfig
    from rlaif.rl.rewards import overlaps_decoding
    from rlaif.rl.trainer import PPOTrainer

__all__ = ["PPOConfig", "PPOTrainer", "overlaps_decoding"]
_WHERE = {"PPOConfig": "config", "PPOTrainer": "trainer", "overlaps_decoding": "rewards"}


def __getattr__(name: str) -> Any:
    """Imported when asked for: torch takes seconds."""
    if name in _WHERE:
        return getattr(importlib.import_module(f"rlaif.rl.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
