"""Who judges samples, and what becomes of the answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from omegaconf import MISSING


class JudgeKind(Enum):
    static = "static"
    openai = "openai"
    local = "local"
    replay = "replay"


@dataclass
class SamplingConfig:
    num_prompts: int | None = None
    num_samples: int = 4
    temperature: float = 1.0
    top_p: float = 1.0
    batch_size: int = 64


@dataclass
class OpenaiConfig:
    model: str | None = None
    base_url: str | None = None
    base_urls: list[str] = field(default_factory=list)
    api_key_env: str = "OPENAI_API_KEY"
    max_concurrency: int = 64
    timeout_s: float = 60.0
    max_attempts: int = 10
    logprobs: bool = True
    input_price: float = 0.0
    output_price: float = 0.0
    max_cost: float | None = None


@dataclass
class LocalJudgeConfig:
    path: str | None = None
    batch_size: int = 8
    max_prompt_tokens: int = 2048


@dataclass
class ReplayConfig:
    path: str | None = None
    model: str | None = None


@dataclass
class StaticJudgeConfig:
    packages: list[str] = field(default_factory=list)


class PairRule(Enum):
    margin = "margin"
    best_worst = "best_worst"
    all = "all"
    claim_gap = "claim_gap"


@dataclass
class PairConfig:
    rule: PairRule = PairRule.margin
    min_margin: float = 0.05
    max_per_example: int = 8
    with_reference: bool = True
    soft_labels: bool = True
    max_length_gap: float = 20.0


@dataclass
class InjectionConfig:
    strip_comments: bool = False
    hide_explanation: bool = False
    num_canaries: int = 16


@dataclass
class CalibrationConfig:
    enabled: bool = True
    max_samples: int | None = 400
    num_bins: int = 10
    bootstrap_resamples: int = 1000


@dataclass
class FeedbackConfig:
    name: str = MISSING
    judge: JudgeKind = MISSING
    execute: bool = False
    min_valid: int = 6
    veto: bool = False
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    static: StaticJudgeConfig = field(default_factory=StaticJudgeConfig)
    openai: OpenaiConfig = field(default_factory=OpenaiConfig)
    local: LocalJudgeConfig = field(default_factory=LocalJudgeConfig)
    replay: ReplayConfig = field(default_factory=ReplayConfig)
    pairs: PairConfig = field(default_factory=PairConfig)
    injection: InjectionConfig = field(default_factory=InjectionConfig)
    calibration: CalibrationConfig = field(default_factory=CalibrationConfig)
