"""What a checkpoint of transformers' `Trainer` says, and its weights."""

from __future__ import annotations

import math
import re
import shutil
from pathlib import Path
from typing import Any

from transformers.trainer_callback import TrainerState

NAME = re.compile(r"checkpoint-\d+")
STATE = "trainer_state.json"  # the last file that Trainer writes into a checkpoint


def evaluations_since_best(state: TrainerState) -> int:
    """How many evaluations in a row, up to the last, brought no new best."""
    losses = [row["eval_validation_loss"] for row in state.log_history if "eval_validation_loss" in row]
    numbers = [loss if math.isfinite(loss) else math.inf for loss in losses]
    return len(numbers) - 1 - numbers.index(min(numbers)) if numbers else 0


def is_over(state: TrainerState, patience: int) -> bool:
    """Whether the run that wrote this checkpoint had nothing left to train."""
    return state.global_step >= state.max_steps or evaluations_since_best(state) >= patience


def last_checkpoint(directory: Path) -> Path | None:
    """The newest complete checkpoint. One that a kill cut short is deleted; folders of other names stay."""
    complete = []
    for checkpoint in directory.glob("checkpoint-*"):
        if not NAME.fullmatch(checkpoint.name):
            continue
        try:
            TrainerState.load_from_json(str(checkpoint / STATE))
            complete.append(checkpoint)
        except (OSError, ValueError, TypeError):
            shutil.rmtree(checkpoint)
    return max(complete, key=lambda checkpoint: int(checkpoint.name.split("-")[1]), default=None)


def load_weights(model: Any, checkpoint: Path) -> None:
    """Put a checkpoint's weights, or its adapter, into the model."""
    if hasattr(model, "load_adapter") and (checkpoint / "adapter_config.json").exists():
        model.load_adapter(str(checkpoint), model.active_adapter, is_trainable=True)
        return
    from safetensors.torch import load_model

    load_model(model, checkpoint / "model.safetensors", strict=False)  # a tied weight is stored once
