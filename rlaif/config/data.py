"""What a data set is made from, and how it is split."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from omegaconf import MISSING

from rlaif.fields import setting


class DataSource(Enum):
    mini = "mini"
    apibench = "apibench"
    jsonl = "jsonl"


class DataSplit(Enum):
    official = "official"
    seeded = "seeded"


@dataclass
class MiniConfig:
    seed: int = setting(0, ge=0)
    train_per_api: int = setting(40, gt=0)
    eval_per_api: int = setting(4, gt=0)
    asserted_fraction: float = setting(0.5, ge=0, le=1)


@dataclass
class DataConfig:
    name: str = setting(MISSING, folder=True, no_influence=True)
    source: DataSource = MISSING
    hub: str | None = setting(None, read_when="data.source=apibench", names_something=True)
    dir: str | None = setting(
        None,
        no_influence=True,
        read_when="data.source=apibench|jsonl or data.responses_file or policy.responses_file",
        names_something=True,
    )
    hub_id: str | None = setting(None, no_influence=True, read_when="data.source=apibench", names_something=True)
    train_file: str | None = setting(None, no_influence=True, read_when="data.source=jsonl", names_something=True)
    eval_file: str | None = setting(None, no_influence=True, read_when="data.source=jsonl", names_something=True)
    database_file: str | None = setting(None, no_influence=True, read_when="data.source=jsonl", names_something=True)
    responses_file: str | None = setting(None, no_influence=True)
    split: DataSplit = DataSplit.official
    split_seed: int = setting(0, ge=0)
    seeded_eval_fraction: float = setting(0.2, gt=0, lt=1, read_when="data.split=seeded")
    validation_fraction: float = setting(0.1, gt=0, lt=1)
    max_train: int | None = setting(None, gt=0, off="null takes all")
    max_eval: int | None = setting(None, gt=0, off="null takes all")
    mini: MiniConfig = setting(factory=MiniConfig, read_when="data.source=mini")
