"""The reward model, and the terms of PPO's reward."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from omegaconf import MISSING


class RewardHead(Enum):
    scalar = "scalar"
    two_class = "two_class"


@dataclass
class RewardTerms:
    """Weights of the terms whose sum is a completion's score; 0 leaves a term out."""

    model: float = 1.0
    judge: float = 0.0
    executability: float = 0.0


@dataclass
class RewardConfig:
    name: str = MISSING
    head: RewardHead = MISSING
    learning_rate: float = 3e-4
    batch_size: int = 32
    max_epochs: int = 4
    patience: int = 1
    warmup_ratio: float = 0.05
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    validation_fraction: float = 0.1
    center_on_references: bool = True
    terms: RewardTerms = field(default_factory=RewardTerms)
