"""What each of several processes does of the batches that they train on together, and how what comes of it is summed.

All go through the same batches in the same order, and each takes every count-th item of one, so that the batch, the
number of steps and the order are those of a single process.
"""

from __future__ import annotations

import atexit
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import distributed

from rlaif.models.device import accelerate_state, current_device

T = TypeVar("T")

SECONDS_TO_LET_GO = 0.1


@dataclass(frozen=True)
class Shares:
    """This process's place among those that train together; by default the only one."""

    index: int = 0
    count: int = 1

    @classmethod
    def of_processes(cls) -> Shares:
        """Of those that a launcher started, which form a group now, unless they have before."""
        accelerate_state()
        if not distributed.is_initialized():
            return cls()
        if current_device().type == "cpu":
            atexit.register(let_go)
        return cls(distributed.get_rank(), distributed.get_world_size())

    def own(self, items: Sequence[T]) -> list[T]:
        """This process's items; none, where there are fewer than processes."""
        return list(items[self.index :: self.count])

    def sum(self, numbers: Sequence[float]) -> list[float]:
        """The sums over all processes, alike in all of them."""
        if self.count == 1:
            return list(numbers)
        device = current_device()
        summed = torch.tensor(numbers, device=device, dtype=torch.float32 if device.type == "mps" else torch.float64)
        distributed.all_reduce(summed)
        return summed.tolist()

    def from_first(self, make: Callable[[], T]) -> T:
        """What the first process makes, for all."""
        made: list[Any] = [make() if self.index == 0 else None]
        if self.count > 1:
            distributed.broadcast_object_list(made, src=0, device=current_device())
        value: T = made[0]
        return value

    def wait(self) -> None:
        """Until all are here."""
        self.sum([0.0])


def let_go() -> None:
    """Let gloo's threads drop the tensors of their last exchange before the interpreter ends: they need its lock."""
    if distributed.is_initialized():
        time.sleep(SECONDS_TO_LET_GO)
        distributed.destroy_process_group()
