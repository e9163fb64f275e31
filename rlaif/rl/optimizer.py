"""AdamW and the schedule of its rates."""

from __future__ import annotations

import math

import torch

from rlaif.rl.actor_critic.forward import ActorCritic
from rlaif.rl.config import PPOConfig


def make_optimizer(actor_critic: ActorCritic, config: PPOConfig) -> torch.optim.AdamW:
    """Over the trainable parameters; groups marked "critic" have the critic's rate, biases and norms no decay."""
    modules = (actor_critic.value_head, actor_critic.value_trunk)
    critic = [p for module in modules if module is not None for p in module.parameters()]
    of_critic = set(map(id, critic))
    policy = [p for p in actor_critic.parameters() if p.requires_grad and id(p) not in of_critic]
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


def schedule(name: str, progress: float) -> float:
    """The learning rate's factor at `progress` in [0, 1) of the run."""
    if name == "linear":
        return 1 - progress
    if name == "cosine":
        return (1 + math.cos(math.pi * progress)) / 2
    return 1.0
