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
from rlaif.fields import LARGEST_SEED, setting


@dataclass
class EvaluationConfig:
    num_samples: int = setting(1, gt=0)
    temperature: float = setting(0.7, ge=0, off="0 is greedy")
    top_p: float = setting(1.0, gt=0, le=1)
    batch_size: int = setting(64, gt=0, no_influence=True)
    bootstrap_resamples: int = setting(2000, gt=0)


@dataclass
class StrongSftConfig:
    enabled: bool = False
    learning_rate_factor: float = setting(0.3, gt=0, read_when="strong_sft.enabled")
    max_epochs: int = setting(4, gt=0, read_when="strong_sft.enabled")


@dataclass
class TrainConfig:
    name: str = setting(MISSING, folder=True)
    stage: str = "report"
    seed: int = setting(0, ge=0, le=LARGEST_SEED)
    dry_run: bool = False
    runs_dir: str = "runs"
    objective: list[str] = field(default_factory=list)
    data: DataConfig = MISSING
    policy: PolicyConfig = MISSING
    feedback: FeedbackConfig = MISSING
    questions: QuestionsConfig = MISSING
    reward: RewardConfig = MISSING
    trainer: TrainerConfig = setting(MISSING, read_when="policy.kind!=responses")
    execution: ExecutionConfig = MISSING
    tracking: TrackingConfig = MISSING
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    strong_sft: StrongSftConfig = field(default_factory=StrongSftConfig)
