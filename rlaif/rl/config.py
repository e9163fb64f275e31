"""What PPO needs to know, free of where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from rlaif.errors import UserError

LrSchedule = Literal["constant", "linear", "cosine"]
TrainingPrecision = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class PPOConfig:
    """The settings of one PPO run; conf/trainer/ppo.yaml explains every field."""

    seed: int
    max_new_tokens: int
    max_prompt_tokens: int
    num_rollouts: int = 60
    rollout_batch_size: int = 64
    generation_batch_size: int = 64
    num_ppo_epochs: int = 4
    num_mini_batches: int = 1
    micro_batch_size: int = 32
    learning_rate: float = 1e-4
    value_learning_rate: float | None = None
    num_critic_warmup_rollouts: int = 0
    lr_schedule: LrSchedule = "linear"
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    temperature: float = 1.0
    kl_coef: float = 0.05
    target_kl: float | None = None
    kl_horizon: int = 10000
    gamma: float = 1.0
    gae_lambda: float = 0.95
    clip_range: float = 0.2
    clip_range_value: float = 0.2
    vf_coef: float = 0.1
    whiten_rewards: bool = False
    whiten_advantages: bool = True
    missing_eos_penalty: float | None = 1.0
    save_every: int = 20
    precision: TrainingPrecision = "fp32"
    """Of the forward passes; weights and optimizer stay in the policy's own dtype (fp32)."""

    def __post_init__(self) -> None:
        """UserError for values that make no sense."""
        at_least_one = (
            "max_new_tokens", "max_prompt_tokens", "num_rollouts", "rollout_batch_size", "generation_batch_size",
            "num_ppo_epochs", "num_mini_batches", "micro_batch_size", "kl_horizon", "save_every",
        )  # fmt: skip
        for name in at_least_one:
            if getattr(self, name) < 1:
                raise UserError(f"{name}: {getattr(self, name)} is below 1")
        for name in ("learning_rate", "max_grad_norm", "temperature", "clip_range", "clip_range_value"):
            if not getattr(self, name) > 0:
                raise UserError(f"{name}: {getattr(self, name)} is not above 0")
        if self.target_kl is not None and not self.target_kl > 0:
            raise UserError(f"target_kl: {self.target_kl} is not above 0; null keeps kl_coef fixed")
        if self.rollout_batch_size % self.num_mini_batches:
            raise UserError(
                f"num_mini_batches: {self.num_mini_batches} does not divide "
                f"rollout_batch_size={self.rollout_batch_size}"
            )
        for name, allowed in (("lr_schedule", LrSchedule), ("precision", TrainingPrecision)):
            if getattr(self, name) not in get_args(allowed):
                raise UserError(f"{name}: {getattr(self, name)!r} is not one of {', '.join(get_args(allowed))}")
