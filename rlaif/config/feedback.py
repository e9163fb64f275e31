"""Who judges samples, and what becomes of the answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from omegaconf import MISSING

from rlaif.fields import setting


class JudgeKind(Enum):
    static = "static"
    openai = "openai"
    local = "local"
    replay = "replay"


@dataclass
class SamplingConfig:
    num_prompts: int | None = setting(None, gt=0, off="null takes all")
    num_samples: int = setting(4, gt=0)
    temperature: float = setting(1.0, ge=0)
    top_p: float = setting(1.0, gt=0, le=1)
    batch_size: int = setting(64, gt=0, no_influence=True)


@dataclass
class OpenaiConfig:
    model: str | None = setting(None, names_something=True)
    base_url: str | None = setting(None, names_something=True)
    base_urls: list[str] = setting(factory=list, names_something=True)
    api_key_env: str = "OPENAI_API_KEY"
    max_concurrency: int = setting(64, gt=0)
    timeout_s: float = setting(60.0, gt=0)
    max_attempts: int = setting(10, gt=0)
    logprobs: bool = True
    input_price: float = setting(0.0, ge=0)
    output_price: float = setting(0.0, ge=0)
    max_cost: float | None = setting(None, ge=0, off="null sets no cap")


@dataclass
class LocalJudgeConfig:
    path: str | None = setting(None, names_something=True)
    batch_size: int = setting(8, gt=0, no_influence=True)
    max_prompt_tokens: int = setting(2048, gt=0)


@dataclass
class ReplayConfig:
    path: str | None = setting(None, names_something=True)
    model: str | None = setting(None, names_something=True)


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
    min_margin: float = setting(0.05, ge=0)
    max_per_example: int = setting(8, gt=0, read_when="feedback.pairs.rule=margin|claim_gap")
    with_reference: bool = True
    soft_labels: bool = setting(True, read_when="questions.strategy=pairwise|pairwise_cot")
    max_length_gap: float = setting(20.0, ge=0, read_when="feedback.pairs.rule=claim_gap")


@dataclass
class InjectionConfig:
    strip_comments: bool = setting(False, read_when="feedback.judge!=static")
    hide_explanation: bool = setting(False, read_when="feedback.judge!=static")
    num_canaries: int = setting(16, ge=0)


@dataclass
class CalibrationConfig:
    enabled: bool = True
    max_samples: int | None = setting(400, gt=0, off="null takes all", read_when="feedback.calibration.enabled")
    num_bins: int = setting(10, gt=0, read_when="feedback.calibration.enabled")
    bootstrap_resamples: int = setting(1000, gt=0, read_when="feedback.calibration.enabled")


@dataclass
class FeedbackConfig:
    name: str = MISSING
    judge: JudgeKind = MISSING
    execute: bool = False
    min_valid: int = setting(6, gt=0)
    veto: bool = False
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    static: StaticJudgeConfig = field(default_factory=StaticJudgeConfig)
    openai: OpenaiConfig = setting(factory=OpenaiConfig, read_when="feedback.judge=openai")
    local: LocalJudgeConfig = setting(factory=LocalJudgeConfig, read_when="feedback.judge=local")
    replay: ReplayConfig = setting(factory=ReplayConfig, read_when="feedback.judge=replay")
    pairs: PairConfig = field(default_factory=PairConfig)
    injection: InjectionConfig = field(default_factory=InjectionConfig)
    calibration: CalibrationConfig = field(default_factory=CalibrationConfig)
