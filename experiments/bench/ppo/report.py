"""What a measured process says of itself; how much it used is asked of the kernel by its parent."""

from __future__ import annotations

import json
import resource
from pathlib import Path
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook


class Report:
    """Counts the optimizer steps of whatever trains, and remembers what was used until training began."""

    def __init__(self) -> None:
        torch.set_num_threads(1)
        self.num_optimizer_steps = 0
        self.response_lengths: list[int] = []
        self.built: dict[str, float] = {}
        register_optimizer_step_post_hook(self._count)

    def _count(self, *_: Any) -> None:
        self.num_optimizer_steps += 1

    def mark_built(self) -> None:
        """Libraries are imported, models are loaded, the trainer is made."""
        self.built = used()

    def write(self, path: Path) -> None:
        found = {
            "num_optimizer_steps": self.num_optimizer_steps,
            "response_lengths": self.response_lengths,
            "built": self.built,
            "trained": used(),
        }
        path.write_text(json.dumps(found), encoding="utf-8")


def used() -> dict[str, float]:
    now = resource.getrusage(resource.RUSAGE_SELF)
    return {"cpu_s": now.ru_utime + now.ru_stime, "peak_rss_gb": now.ru_maxrss / 2**20}
