"""The model that is aligned: its shape, its weights, and SFT."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from omegaconf import MISSING


class PolicyKind(Enum):
    scratch = "scratch"
    pretrained = "pretrained"
    responses = "responses"


class Precision(Enum):
    fp32 = "fp32"
    bf16 = "bf16"


@dataclass
class ScratchConfig:
    num_layers: int = 4
    num_heads: int = 4
    width: int = 192
    vocab_size: int = 3000
    initializer_range: float = 0.02


@dataclass
class LoraConfig:
    enabled: bool = False
    r: int = 16
    alpha: int = 32
    dropout: float = 0.0
    target_modules: list[str] | None = None


class LrSchedule(Enum):
    constant = "constant"
    linear = "linear"
    cosine = "cosine"


@dataclass
class SftConfig:
    learning_rate: float = 1e-3
    batch_size: int = 32
    gradient_accumulation_steps: int = 1
    max_epochs: int = 60
    patience: int = 3
    eval_steps: int = 50
    lr_schedule: LrSchedule = LrSchedule.constant
    warmup_ratio: float = 0.05
    weight_decay: float = 0.01
    adam_beta2: float = 0.999
    max_grad_norm: float = 1.0
    dropout: float = 0.1


@dataclass
class PolicyConfig:
    name: str = MISSING
    kind: PolicyKind = MISSING
    path: str | None = None
    revision: str | None = None
    responses_file: str | None = None
    max_prompt_tokens: int = 128
    max_new_tokens: int = 160
    precision: Precision = Precision.bf16
    scratch: ScratchConfig = field(default_factory=ScratchConfig)
    lora: LoraConfig = field(default_factory=LoraConfig)
    sft: SftConfig = field(default_factory=SftConfig)
