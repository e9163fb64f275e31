"""The processes that train together: one, or as many as `accelerate launch` started.

Work is dealt out, results are shared. Sampling, rewards and forward passes are each process's
own share; what comes of them is small (token ids and a few numbers a token) and is given to all,
so that everything else, from whitening to metrics, is plain arithmetic that every process does
alike, and no formula needs to know how many there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor, nn

from rlaif.rl import sharding

T = TypeVar("T")


class Processes:
    """This process's place among all."""

    def __init__(self, accelerator: Accelerator) -> None:
        self.accelerator = accelerator
        self.index = accelerator.process_index
        self.count = accelerator.num_processes

    @property
    def is_main(self) -> bool:
        return self.index == 0

    @property
    def device(self) -> torch.device:
        return self.accelerator.device

    def share(self, items: Sequence[T]) -> list[T]:
        """This process's own: every count-th item, from its index on."""
        return list(items[self.index :: self.count])

    def gather(self, items: Sequence[T]) -> list[T]:
        """What all processes made of their shares, in the order of the whole."""
        if self.count == 1:
            return list(items)
        shares: list[list[T]] = gather_object([list(items)])
        whole: list[Any] = [None] * sum(map(len, shares))
        for index, share in enumerate(shares):
            whole[index :: self.count] = share
        return whole

    def turns(self, parts: Sequence[T]) -> Iterator[tuple[T, float, bool]]:
        """(part, weight, whether it is the last turn): this process's parts, of weight 1.

        Every process takes part in every turn, for what they exchange; one without work repeats some, of weight 0.
        """
        num_turns = -(-len(parts) // self.count)
        for turn in range(num_turns):
            number = turn * self.count + self.index
            part, weight = (parts[number], 1.0) if number < len(parts) else (parts[0], 0.0)
            yield part, weight, turn + 1 == num_turns

    def sum(self, numbers: Tensor) -> Tensor:
        """The sum over all processes, elementwise."""
        return numbers if self.count == 1 else self.accelerator.reduce(numbers, "sum")

    def waiting(self, model: nn.Module, *, last: bool) -> AbstractContextManager[Any]:
        """Gradients are exchanged at the last backward pass of a step only."""
        return nullcontext() if self.count == 1 or last else self.accelerator.no_sync(model)

    def prepare(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[Any, Any]:
        """Wrapped for training together; as they are where there is one process."""
        if self.count == 1:
            return model, optimizer
        model, optimizer = self.accelerator.prepare(model, optimizer)
        if sharding.is_sharded(model):
            sharding.wake_up(model, self.device)
        return model, optimizer

    def whole_weights(self, model: nn.Module) -> AbstractContextManager[Any]:
        """Inside, every process has all weights, and may run the model at its own pace."""
        return sharding.whole_weights(model) if sharding.is_sharded(model) else nullcontext()

    def policy_state(self, model: nn.Module) -> dict[str, Any] | None:
        """The policy's state dict for `save_pretrained`, on the first process; None: its own will do. All call it."""
        if not sharding.is_sharded(model):
            return None
        state = sharding.whole_state(model)
        return {name.removeprefix("policy."): value for name, value in state.items() if name.startswith("policy.")}

    def training_state(self, model: nn.Module, optimizer: Any) -> dict[str, Any]:
        """What `load_training_state` needs; whole on the first process. All call it."""
        if sharding.is_sharded(model):
            return sharding.training_state(model, _plain(optimizer))
        return {"model": self.accelerator.unwrap_model(model).state_dict(), "optimizer": optimizer.state_dict()}

    def load_training_state(self, model: nn.Module, optimizer: Any, state: dict[str, Any]) -> None:
        if sharding.is_sharded(model):
            sharding.load_training_state(model, _plain(optimizer), state)
            return
        self.accelerator.unwrap_model(model).load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])


def _plain(optimizer: Any) -> torch.optim.Optimizer:
    """Without accelerate's wrapper."""
    inner: torch.optim.Optimizer = getattr(optimizer, "optimizer", optimizer)
    return inner
