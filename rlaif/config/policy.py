"""The model that is aligned: its shape, its weights, and SFT."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from omegaconf import MISSING

from rlaif.fields import setting


class PolicyKind(Enum):
    scratch = "scratch"
    pretrained = "pretrained"
    responses = "responses"


class Precision(Enum):
    fp32 = "fp32"
    bf16 = "bf16"


@dataclass
class ScratchConfig:
    num_layers: int = setting(4, gt=0)
    num_heads: int = setting(4, gt=0)
    width: int = setting(192, gt=0)
    vocab_size: int = setting(3000, ge=258)
    initializer_range: float = setting(0.02, gt=0)


@dataclass
class LoraConfig:
    enabled: bool = False
    r: int = setting(16, gt=0, read_when="policy.lora.enabled")
    alpha: int = setting(32, gt=0, read_when="policy.lora.enabled")
    dropout: float = setting(0.0, ge=0, lt=1, read_when="policy.lora.enabled")
    target_modules: list[str] | None = setting(None, read_when="policy.lora.enabled")


class LrSchedule(Enum):
    constant = "constant"
    linear = "linear"
    cosine = "cosine"


@dataclass
class SftConfig:
    learning_rate: float = setting(1e-3, gt=0)
    batch_size: int = setting(32, gt=0)
    gradient_accumulation_steps: int = setting(1, gt=0)
    max_epochs: int = setting(60, gt=0)
    patience: int = setting(3, gt=0)
    eval_steps: int = setting(50, gt=0)
    lr_schedule: LrSchedule = LrSchedule.constant
    warmup_ratio: float = setting(0.05, ge=0, lt=1)
    weight_decay: float = setting(0.01, ge=0)
    adam_beta2: float = setting(0.999, ge=0, lt=1)
    max_grad_norm: float = setting(1.0, gt=0)
    dropout: float = setting(0.1, ge=0, lt=1, read_when="policy.kind=scratch")


@dataclass
class PolicyConfig:
    name: str = setting(MISSING, folder=True, no_influence=True)
    kind: PolicyKind = MISSING
    path: str | None = setting(None, read_when="policy.kind=pretrained", names_something=True)
    revision: str | None = setting(None, read_when="policy.kind=pretrained")
    responses_file: str | None = setting(None, no_influence=True)
    max_prompt_tokens: int = setting(128, gt=0, read_when="policy.kind!=responses")
    max_new_tokens: int = setting(160, gt=0, read_when="policy.kind!=responses")
    precision: Precision = setting(Precision.bf16, read_when="policy.kind!=responses")
    scratch: ScratchConfig = setting(factory=ScratchConfig, read_when="policy.kind=scratch")
    lora: LoraConfig = field(default_factory=LoraConfig)
    sft: SftConfig = setting(factory=SftConfig, read_when="policy.kind!=responses")
