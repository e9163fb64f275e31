"""PPO's settings."""

from __future__ import annotations

from dataclasses import dataclass, field

from omegaconf import MISSING

from rlaif.config.policy import LrSchedule


@dataclass
class WatchConfig:
    every: int | None = None
    num_prompts: int = 128
    temperature: float = 0.7


@dataclass
class TrainerConfig:
    name: str = MISSING
    num_rollouts: int = 60
    rollout_batch_size: int = 64
    generation_batch_size: int = 64
    num_ppo_epochs: int = 4
    num_mini_batches: int = 1
    micro_batch_size: int = 32
    learning_rate: float = 1e-4
    value_learning_rate: float | None = None
    num_critic_warmup_rollouts: int = 0
    lr_schedule: LrSchedule = LrSchedule.linear
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
    ent_coef: float = 0.0
    ptx_coef: float = 0.0
    ptx_batch_size: int = 32
    scale_rewards: bool = False
    early_stop_kl: float | None = None
    max_kl: float | None = 20.0
    importance_sampling_cap: float | None = None
    max_tokens_per_micro_batch: int | None = None
    logprob_chunk_size: int | None = None
    gradient_checkpointing: bool = False
    save_every: int = 20
    watch: WatchConfig = field(default_factory=WatchConfig)
