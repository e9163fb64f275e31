"""What a data set is made from, and how it is split."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

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
