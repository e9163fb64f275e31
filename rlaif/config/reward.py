"""The reward model, and the terms of PPO's reward."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from omegaconf import MISSING

from rlaif.fields import setting


class RewardHead(Enum):
    scalar = "scalar"
    two_class = "two_class"


@dataclass
class RewardTerms:
    """Weights of the terms whose sum is a completion's score; 0 leaves a term out."""

    model: float = setting(1.0, ge=0, off="0 leaves it out")
    judge: float = setting(0.0, ge=0, off="0 leaves it out")
    executability: float = setting(0.0, ge=0, off="0 leaves it out")


@dataclass
class RewardConfig:
    name: str = setting(MISSING, no_influence=True)
    head: RewardHead = setting(MISSING, read_when="reward.terms.model")
    learning_rate: float = setting(3e-4, gt=0, read_when="reward.terms.model")
    batch_size: int = setting(32, gt=0, read_when="reward.terms.model")
    max_epochs: int = setting(4, gt=0, read_when="reward.terms.model")
    patience: int = setting(1, gt=0, read_when="reward.terms.model")
    warmup_ratio: float = setting(0.05, ge=0, lt=1, read_when="reward.terms.model")
    weight_decay: float = setting(0.01, ge=0, read_when="reward.terms.model")
    max_grad_norm: float = setting(1.0, gt=0, read_when="reward.terms.model")
    validation_fraction: float = setting(0.1, gt=0, lt=1, read_when="reward.terms.model")
    center_on_references: bool = setting(True, read_when="reward.terms.model")
    terms: RewardTerms = field(default_factory=RewardTerms)
