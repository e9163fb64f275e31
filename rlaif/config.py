"""The typed schema behind every YAML in conf/, and the checks that types cannot make.

The dataclasses below are registered with Hydra, so that an unknown key or a wrong type
is refused when the config is composed; `check` refuses what is well typed and makes no
sense. Besides `train.py`, this is the only file that knows Hydra.

`MISSING` marks what an option's YAML has to set. Comments in the YAML files say what a
key does; comments here say only what the YAML cannot.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from omegaconf import MISSING


class DataSource(Enum):
    mini = "mini"
    apibench = "apibench"
    jsonl = "jsonl"


class DataSplit(Enum):
    official = "official"
    seeded = "seeded"


@dataclass
class MiniConfig:
    seed: int = 0
    train_per_api: int = 40
    eval_per_api: int = 4
    asserted_fraction: float = 0.5


@dataclass
class DataConfig:
    name: str = MISSING
    source: DataSource = MISSING
    hub: str | None = None
    dir: str | None = None
    hub_id: str | None = None
    train_file: str | None = None
    eval_file: str | None = None
    database_file: str | None = None
    responses_file: str | None = None
    split: DataSplit = DataSplit.official
    split_seed: int = 0
    seeded_eval_fraction: float = 0.2
    validation_fraction: float = 0.1
    max_train: int | None = None
    max_eval: int | None = None
    mini: MiniConfig = field(default_factory=MiniConfig)


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


@dataclass
class QuestionConfig:
    id: str = MISSING
    text: str = MISSING
    analysis: str = ""
    weight: float = 1.0


@dataclass
class QuestionsConfig:
    name: str = MISSING
    version: int = MISSING
    system: str = MISSING
    template: str = MISSING
    questions: list[QuestionConfig] = field(default_factory=list)
    strategy: str = "binary"
    prompts: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    min_valid: int | None = None


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


@dataclass
class WatchConfig:
    every: int | None = None
    num_prompts: int = 128
    temperature: float = 0.7


@dataclass
class TrainerConfig:
    name: str = MISSING
    num_rollouts: int = 60
    rollout_batch_size: int = 64
    generation_batch_size: int = 64
    num_ppo_epochs: int = 4
    num_mini_batches: int = 1
    micro_batch_size: int = 32
    learning_rate: float = 1e-4
    value_learning_rate: float | None = None
    num_critic_warmup_rollouts: int = 0
    lr_schedule: LrSchedule = LrSchedule.linear
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    temperature: float = 1.0
    kl_coef: float = 0.05
    target_kl: float | None = None
    kl_horizon: int = 10000
    gamma: float = 1.0
    gae_lambda: float = 0.95
    clip_range: float = 0.2
    clip_range_value: float = 0.2
    vf_coef: float = 0.1
    whiten_rewards: bool = False
    whiten_advantages: bool = True
    missing_eos_penalty: float | None = 1.0
    ent_coef: float = 0.0
    ptx_coef: float = 0.0
    ptx_batch_size: int = 32
    scale_rewards: bool = False
    early_stop_kl: float | None = None
    max_kl: float | None = 20.0
    importance_sampling_cap: float | None = None
    max_tokens_per_micro_batch: int | None = None
    logprob_chunk_size: int | None = None
    gradient_checkpointing: bool = False
    save_every: int = 20
    watch: WatchConfig = field(default_factory=WatchConfig)


class Environment(Enum):
    stdlib = "stdlib"
    torchhub = "torchhub"
    hf2023 = "hf2023"
    tf2023 = "tf2023"
    none = "none"


class Level(Enum):
    static = "static"
    tiny = "tiny"
    online = "online"


class Isolation(Enum):
    auto = "auto"
    bubblewrap = "bubblewrap"
    landlock = "landlock"
    none = "none"


@dataclass
class ExecutionConfig:
    name: str = MISSING
    environment: Environment = MISSING
    level: Level = Level.tiny
    isolation: Isolation = Isolation.auto
    timeout_s: float = 10.0
    memory_mb: int = 1024
    num_workers: int = 2


class TrackingMode(Enum):
    offline = "offline"
    online = "online"
    none = "none"


@dataclass
class TrackingConfig:
    name: str = MISSING
    mode: TrackingMode = MISSING
    project: str = "rlaif"
    entity: str | None = None
    group: str | None = None
    tags: list[str] = field(default_factory=list)
    num_table_rows: int = 16


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
