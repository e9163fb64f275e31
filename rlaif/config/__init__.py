"""The typed schema behind every YAML in conf/, one file a group.

The dataclasses are registered with Hydra, so that an unknown key or a wrong type is refused when the config
is composed; `rlaif.check` refuses what is well typed and makes no sense.

`MISSING` marks what an option's YAML has to set. Comments in the YAML files say what a
key does; comments here say only what the YAML cannot.
"""

from rlaif.config.data import DataConfig, DataSource, DataSplit, MiniConfig
from rlaif.config.execution import Environment, ExecutionConfig, Isolation, Level
from rlaif.config.feedback import (
    CalibrationConfig,
    FeedbackConfig,
    InjectionConfig,
    JudgeKind,
    LocalJudgeConfig,
    OpenaiConfig,
    PairConfig,
    PairRule,
    ReplayConfig,
    SamplingConfig,
    StaticJudgeConfig,
)
from rlaif.config.policy import LoraConfig, LrSchedule, PolicyConfig, PolicyKind, Precision, ScratchConfig, SftConfig
from rlaif.config.questions import QuestionConfig, QuestionsConfig
from rlaif.config.reward import RewardConfig, RewardHead, RewardTerms
from rlaif.config.tracking import TrackingConfig, TrackingMode
from rlaif.config.train import EvaluationConfig, StrongSftConfig, TrainConfig
from rlaif.config.trainer import TrainerConfig, WatchConfig

__all__ = [
    "CalibrationConfig",
    "DataConfig",
    "DataSource",
    "DataSplit",
    "Environment",
    "EvaluationConfig",
    "ExecutionConfig",
    "FeedbackConfig",
    "InjectionConfig",
    "Isolation",
    "JudgeKind",
    "Level",
    "LocalJudgeConfig",
    "LoraConfig",
    "LrSchedule",
    "MiniConfig",
    "OpenaiConfig",
    "PairConfig",
    "PairRule",
    "PolicyConfig",
    "PolicyKind",
    "Precision",
    "QuestionConfig",
    "QuestionsConfig",
    "ReplayConfig",
    "RewardConfig",
    "RewardHead",
    "RewardTerms",
    "SamplingConfig",
    "ScratchConfig",
    "SftConfig",
    "StaticJudgeConfig",
    "StrongSftConfig",
    "TrackingConfig",
    "TrackingMode",
    "TrainConfig",
    "TrainerConfig",
    "WatchConfig",
]
