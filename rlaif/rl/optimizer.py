"""AdamW, or the user's own optimizer, and the schedule of the rates."""

from __future__ import annotations

import inspect
import math
from typing import Any

import torch
from torch import nn

from rlaif.errors import UserError
from rlaif.rl.actor_critic.forward import ActorCritic
from rlaif.rl.config import PPOConfig


def make_optimizer(actor_critic: ActorCritic, config: PPOConfig) -> torch.optim.AdamW:
    """Over the trainable parameters; groups marked "critic" have the critic's rate, biases and norms no decay."""
    policy, critic = parts_of(actor_critic)
    critic_rate = config.learning_rate if config.value_learning_rate is None else config.value_learning_rate
    groups = [
        {"params": [p for p in policy if p.dim() >= 2], "weight_decay": config.weight_decay, "critic": False},
        {"params": [p for p in policy if p.dim() < 2], "weight_decay": 0.0, "critic": False},
        {"params": critic, "weight_decay": 0.0, "critic": True, "lr": critic_rate},
    ]
    devices = {p.device.type for p in [*policy, *critic]}
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        fused=True if devices <= {"cpu", "cuda"} else None,  # one pass over the weights, nothing beside them
        lr=config.learning_rate,
        betas=(config.adam_beta1, config.adam_beta2),
        eps=config.adam_epsilon,
    )


def parts_of(actor_critic: ActorCritic) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The parameters that are trained: the policy's, and the critic's own."""
    modules = (actor_critic.value_head, actor_critic.value_trunk)
    critic = [p for module in modules if module is not None for p in module.parameters() if p.requires_grad]
    of_critic = set(map(id, critic))
    return [p for p in actor_critic.parameters() if p.requires_grad and id(p) not in of_critic], critic


def adopt_optimizer(optimizer: torch.optim.Optimizer, actor_critic: ActorCritic, config: PPOConfig) -> None:
    """Let a user's optimizer train the critic too, whose head is made with the trainer, in groups marked "critic".

    What the optimizer does not have yet gets its defaults, no decay, and `value_learning_rate`, or else the first
    group's rate. Groups come behind the user's, which a scheduler knows by their number.

    Raises:
        UserError: parameters that are not the model's, none of those that are trained, or a loss computed by itself.
    """
    require_closureless(optimizer)
    policy, critic = parts_of(actor_critic)
    given = {id(p) for group in optimizer.param_groups for p in group["params"]}
    if given - set(map(id, actor_critic.parameters())):
        raise UserError("optimizers: it has parameters that are not the model's; make it of model.parameters()")
    if not given & set(map(id, policy)):
        raise UserError(
            "optimizers: it has none of the model's trainable parameters; make it after the adapters, which are to be "
            "on the model then, and not in peft_config"
        )
    of_critic, groups = set(map(id, critic)), list(optimizer.param_groups)
    for group in groups:
        theirs = [p for p in group["params"] if id(p) in of_critic]
        if theirs and len(theirs) < len(group["params"]):
            names = dict(zip(map(id, group["params"]), group.get("param_names", ()), strict=False))
            group["params"] = [p for p in group["params"] if id(p) not in of_critic]
            add_group(optimizer, {**group, "params": theirs, "critic": True})
            if names:
                group["param_names"] = [names[id(p)] for p in group["params"]]
        elif theirs:
            group["critic"] = True
    missing = [p for p in critic if id(p) not in given]
    if missing:
        first = groups[0].get("initial_lr", groups[0]["lr"])
        rate = first if config.value_learning_rate is None else config.value_learning_rate
        decay = {"weight_decay": 0.0} if "weight_decay" in optimizer.defaults else {}
        add_group(optimizer, {"params": missing, "critic": True, "lr": rate, "initial_lr": rate, **decay})
    follow_first(optimizer, len(groups))


def follow_first(optimizer: torch.optim.Optimizer, num_groups: int) -> None:
    """Groups behind the user's own have their rates cut by what a scheduler has made of the first one's."""
    first = optimizer.param_groups[0]
    factor = first["lr"] / first["initial_lr"] if first.get("initial_lr") else 1.0
    for group in optimizer.param_groups[num_groups:]:
        group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor


def add_group(optimizer: torch.optim.Optimizer, group: dict[str, Any]) -> None:
    """UserError where the optimizer takes no further parameters."""
    num_groups = len(optimizer.param_groups)
    if any("param_names" in one for one in optimizer.param_groups):  # then all groups have to have names
        names = [f"critic.{num_groups}.{number}" for number in range(len(group["params"]))]
        group = {**group, "params": list(zip(names, group["params"], strict=True))}
    try:
        optimizer.add_param_group(group)
    except (ValueError, RuntimeError, NotImplementedError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"optimizers: {type(optimizer).__name__} cannot take the value head: {reason}") from None


def require_pair(optimizers: Any) -> tuple[torch.optim.Optimizer | None, Any]:
    """UserError for anything but an optimizer, or None, and a scheduler, or None."""
    pair = tuple(optimizers) if isinstance(optimizers, tuple | list) else (optimizers,)
    if len(pair) != 2 or not (pair[0] is None or isinstance(pair[0], torch.optim.Optimizer)):
        given = ", ".join(type(one).__name__ for one in pair)
        raise UserError(f"optimizers: ({given}); give a pair: (optimizer, scheduler), each of which may be None")
    return pair


def require_closureless(optimizer: torch.optim.Optimizer) -> None:
    """UserError for an optimizer that wants to compute the loss itself, such as L-BFGS."""
    closure = inspect.signature(optimizer.step).parameters.get("closure")
    if closure is not None and closure.default is inspect.Parameter.empty:
        raise UserError(f"optimizers: {type(optimizer).__name__} computes the loss itself, which PPO cannot let it do")


def require_steppable(scheduler: Any) -> None:
    """UserError for a scheduler that wants a figure with each step."""
    if isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
        raise UserError("optimizers: ReduceLROnPlateau waits for a validation loss, which PPO does not have")


def step_scheduler(scheduler: Any, optimizer: torch.optim.Optimizer, num_groups: int) -> None:
    """One step of a user's scheduler, which knows the `num_groups` groups that it was made with; others follow."""
    groups = optimizer.param_groups
    optimizer.param_groups = groups[:num_groups]
    try:
        scheduler.step()
    finally:
        optimizer.param_groups = groups
    follow_first(optimizer, num_groups)


def is_warming_up(config: PPOConfig, rollout_index: int) -> bool:
    """Whether the critic learns alone."""
    return rollout_index < config.num_critic_warmup_rollouts


def set_learning_rates(
    optimizer: torch.optim.Optimizer, config: PPOConfig, rollout_index: int, *, is_scheduled: bool
) -> float:
    """Of this rollout's update; returns the policy's, which is 0 while the critic warms up alone.

    `is_scheduled`: a scheduler of the user's own has set them.
    """
    factor = schedule(config.lr_scheduler_type, rollout_index / config.num_rollouts)
    for group in () if is_scheduled else optimizer.param_groups:
        group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor
    rates = [group["lr"] for group in optimizer.param_groups if not group.get("critic")]
    return 0.0 if is_warming_up(config, rollout_index) else float(rates[0])


def schedule(name: str, progress: float) -> float:
    """The learning rate's factor at `progress` in [0, 1) of the run."""
    if name == "linear":
        return 1 - progress
    if name == "cosine":
        return (1 + math.cos(math.pi * progress)) / 2
    return 1.0
