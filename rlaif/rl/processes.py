"""The processes that train together: one, or as many as `accelerate launch` started.

Work is dealt out, results are shared. Sampling, rewards and forward passes are each process's
own share; what comes of them is small (token ids and a few numbers a token) and is given to all,
so that everything else, from whitening to metrics, is plain arithmetic that every process does
alike, and no formula needs to know how many there are.
"""

from __future__ import annotations

import atexit
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from rlaif.errors import UserError
from rlaif.models.device import saveable
from rlaif.rl import sharding
from rlaif.rl.actor_critic.forward import ActorCritic

T = TypeVar("T")

SECONDS_TO_LET_GO = 0.1


class Processes:
    """This process's place among all."""

    def __init__(self, accelerator: Accelerator) -> None:
        """UserError where accelerate's config asks for what PPO does not do."""
        self.accelerator = accelerator
        self.index = accelerator.process_index
        self.count = accelerator.num_processes
        self.sharding = sharding.asked_for() if self.count > 1 else None
        """How weights are cut among processes; None where each holds them all."""
        if self.count > 1 and self.device.type == "cpu":
            atexit.register(end, accelerator)

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

    @torch.no_grad()
    def make_alike(self, model: nn.Module) -> None:
        """The first process's weights for all: others may have drawn their own."""
        for tensor in (*model.parameters(), *model.buffers()) if self.count > 1 else ():
            values = tensor.contiguous()
            torch.distributed.broadcast(values, src=0)
            tensor.copy_(values)

    def prepare(self, model: ActorCritic, optimizer: torch.optim.Optimizer) -> None:
        """Cut the weights into pieces where accelerate's config says so."""
        if self.sharding is not None:
            sharding.shard(model, optimizer, self.device, self.sharding)

    def together(self, model: nn.Module) -> nn.Module:
        """The model to run backward passes with, which then exchange gradients; for as long as `train` runs.

        DDP must not outlive the process group: its end would wait for threads of the group, and with Python's lock
        held, which these need for their last tensors.
        """
        if self.count == 1 or self.sharding is not None:
            return model
        devices = [self.device] if self.device.type == "cuda" else None
        return DistributedDataParallel(model, device_ids=devices, find_unused_parameters=has_unused_parameters(model))

    def waiting(self, model: Any, *, last: bool) -> AbstractContextManager[Any]:
        """Gradients are exchanged at the last backward pass of a step only."""
        if self.count == 1 or last:
            return nullcontext()
        return model.no_sync() if self.sharding is None else sharding.keeping_gradients(model)

    def whole_weights(self, model: nn.Module) -> AbstractContextManager[Any]:
        """Inside, every process has all weights, and may run the model at its own pace."""
        return nullcontext() if self.sharding is None else sharding.whole_weights(model, self.sharding)

    def policy_state(self, model: nn.Module) -> dict[str, Any] | None:
        """The policy's state dict for `save_pretrained`, on the first process; None: its own will do. All call it."""
        if self.sharding is None:
            return None
        state = sharding.whole_state(model)
        return {name.removeprefix("policy."): value for name, value in state.items() if name.startswith("policy.")}

    def training_state(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
        """What `load_training_state` needs; whole on the first process. All call it."""
        if self.sharding is not None:
            return {"is_sharded": True, **sharding.training_state(model, optimizer)}
        return saveable({"is_sharded": False, "model": model.state_dict(), "optimizer": optimizer.state_dict()})

    def load_training_state(self, model: nn.Module, optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
        """UserError where the state is of another model, or of weights cut in pieces and these are not."""
        was_sharded = state.get("is_sharded", False)
        if was_sharded != (self.sharding is not None):
            how = "with" if was_sharded else "without"
            raise UserError(f"the checkpoint was made {how} FSDP2: resume it the same way")
        if self.sharding is not None:
            sharding.load_training_state(model, optimizer, state)
            return
        try:
            model.load_state_dict(state["model"])
            optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError, KeyError) as error:
            reason = " ".join(str(error).split())[:200]
            raise UserError(f"the checkpoint is of another model or optimizer than is given now: {reason}") from None


def has_unused_parameters(model: nn.Module) -> bool:
    """Whether a pass over a single action leaves out something that is trained, such as a layer that is never called or
    an expert that is not chosen: DDP would wait for its gradient, unless told to look what a pass has used."""
    device = next(model.parameters()).device
    scores = model(torch.zeros(1, 2, dtype=torch.long, device=device), torch.tensor([[False, True]], device=device))
    waiting, seen, used = [one.grad_fn for one in scores if one is not None], set(), set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        used.add(id(getattr(node, "variable", None)))  # of the nodes that collect a parameter's gradient
        waiting += [following for following, _ in node.next_functions]
    return any(one.requires_grad and id(one) not in used for one in model.parameters())


def end(accelerator: Accelerator) -> None:
    """Let gloo's threads drop the tensors of their last exchange before the interpreter ends: they need its lock.

    Destroying the group waits for them, but not where PyTorch's caches hold on to it, as they do to one of FSDP2.
    """
    time.sleep(SECONDS_TO_LET_GO)
    accelerator.end_training()
