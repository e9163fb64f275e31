"""The whole config: a node for every group, and what concerns them all."""

from __future__ import annotations

from dataclasses import dataclass, field

from omegaconf import MISSING

from rlaif.config.data import DataConfig
from rlaif.config.execution import ExecutionConfig
from rlaif.config.feedback import FeedbackConfig
from rlaif.config.policy import PolicyConfig
from rlaif.config.questions import QuestionsConfig
from rlaif.config.reward import RewardConfig
from rlaif.config.tracking import TrackingConfig
from rlaif.config.trainer import TrainerConfig


@dataclass
class EvaluationConfig:
    num_samples: int = 1
    temperature: float = 0.7
    top_p: float = 1.0
    batch_size: int = 64
    bootstrap_resamples: int = 2000


@dataclass
class StrongSftConfig:
    enabled: bool = False
    learning_rate_factor: float = 0.3
    max_epochs: int = 4


@dataclass
class TrainConfig:
    name: str = MISSING
    stage: str = "report"
    seed: int = 0
    dry_run: bool = False
    runs_dir: str = "runs"
    data: DataConfig = MISSING
    policy: PolicyConfig = MISSING
    feedback: FeedbackConfig = MISSING
    questions: QuestionsConfig = MISSING
    reward: RewardConfig = MISSING
    trainer: TrainerConfig = MISSING
    execution: ExecutionConfig = MISSING
    tracking: TrackingConfig = MISSING
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    strong_sft: StrongSftConfig = field(default_factory=StrongSftConfig)
