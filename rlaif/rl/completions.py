"""Samples of a rollout's completions, to be read."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from rlaif.errors import UserError
from rlaif.rl.config import PPOConfig
from rlaif.rl.rollout import Rollout

FILE_NAME = "completions.jsonl"


def log_completions(rollout: Rollout, step: int, config: PPOConfig) -> None:
    """The first few of a rollout: to a file in output_dir, and to W&B as a table where a run of it is open."""
    rows = completion_rows(rollout, step, config.num_completions_to_log)
    if config.output_dir is not None:
        path = Path(config.output_dir) / FILE_NAME
        try:
            with path.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(row, default=plain) + "\n" for row in rows)
        except OSError as error:
            raise UserError(f"log_completions: {path} cannot be written: {error.strerror}") from None
    wandb = sys.modules.get("wandb")  # imported by whoever opened a run
    if wandb is not None and wandb.run is not None:
        columns = list(rows[0])
        table = wandb.Table(columns=columns, data=[[row[name] for name in columns] for row in rows])
        wandb.log({"completions": table, "train/global_step": step})


def plain(value: Any) -> Any:
    """What JSON has no form for, such as arrays of NumPy and tensors, as lists and numbers, or else as text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def completion_rows(rollout: Rollout, step: int, num: int) -> list[dict[str, Any]]:
    """One row a completion: what was asked, what came, and what each reward function made of it."""
    return [
        {
            "step": step,
            "prompt": episode.prompt.text,
            "completion": episode.completion,
            "ends_with_eos": episode.ends_with_eos,
            "score": episode.score,
            **{f"score/{name}": value for name, value in episode.rewards.items()},
            **episode.extra_columns,
        }
        for episode in rollout.episodes[:num]
    ]
