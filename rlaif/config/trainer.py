"""PPO's settings."""

from __future__ import annotations

from dataclasses import dataclass, field

from omegaconf import MISSING

from rlaif.config.policy import LrSchedule
from rlaif.fields import setting


@dataclass
class WatchConfig:
    every: int | None = setting(None, gt=0, off="null never looks")
    num_prompts: int = setting(128, gt=0, read_when="trainer.watch.every")
    temperature: float = setting(0.7, ge=0, read_when="trainer.watch.every")


@dataclass
class TrainerConfig:
    name: str = setting(MISSING, no_influence=True)
    num_rollouts: int = setting(60, gt=0)
    rollout_batch_size: int = setting(64, gt=0)
    generation_batch_size: int = setting(64, gt=0, no_influence=True)
    num_ppo_epochs: int = setting(4, gt=0)
    num_mini_batches: int = setting(1, gt=0)
    micro_batch_size: int = setting(32, gt=0, no_influence=True)
    learning_rate: float = setting(1e-4, gt=0)
    value_learning_rate: float | None = setting(None, gt=0, off="null takes learning_rate")
    num_critic_warmup_rollouts: int = setting(0, ge=0)
    lr_schedule: LrSchedule = LrSchedule.linear
    weight_decay: float = setting(0.0, ge=0)
    max_grad_norm: float = setting(1.0, gt=0)
    temperature: float = setting(1.0, gt=0)
    kl_coef: float = setting(0.05, ge=0, off="0 leaves the KL penalty out")
    target_kl: float | None = setting(None, gt=0, off="null keeps kl_coef as it is")
    kl_horizon: int = setting(10000, gt=0, read_when="trainer.target_kl")
    gamma: float = setting(1.0, ge=0, le=1)
    gae_lambda: float = setting(0.95, ge=0, le=1)
    clip_range: float = setting(0.2, gt=0)
    clip_range_value: float = setting(0.2, gt=0)
    vf_coef: float = setting(0.1, ge=0)
    whiten_rewards: bool = False
    whiten_advantages: bool = True
    missing_eos_penalty: float | None = setting(1.0, ge=0, off="null leaves it out")
    ent_coef: float = setting(0.0, ge=0, off="0 leaves it out")
    ptx_coef: float = setting(0.0, ge=0, off="0 leaves it out")
    ptx_batch_size: int = setting(32, gt=0, read_when="trainer.ptx_coef")
    scale_rewards: bool = False
    early_stop_kl: float | None = setting(None, gt=0, off="null never stops early")
    max_kl: float | None = setting(20.0, gt=0, off="null never ends the run")
    importance_sampling_cap: float | None = setting(None, gt=0, off="null leaves it out")
    max_tokens_per_micro_batch: int | None = setting(None, gt=0, off="null sets no limit", no_influence=True)
    logprob_chunk_size: int | None = setting(None, gt=0, off="null takes a forward pass's", no_influence=True)
    gradient_checkpointing: bool = setting(False, no_influence=True)
    save_every: int = setting(20, gt=0, no_influence=True)
    watch: WatchConfig = field(default_factory=WatchConfig)
