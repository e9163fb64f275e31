"""Where code is run, and how far it may go."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from omegaconf import MISSING

from rlaif.fields import setting


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
    level: Level = setting(Level.tiny, read_when="execution.environment!=none")
    isolation: Isolation = setting(Isolation.auto, read_when="execution.environment!=none")
    timeout_s: float = setting(10.0, gt=0, read_when="execution.environment!=none")
    memory_mb: int = setting(1024, gt=0, read_when="execution.environment!=none")
    num_workers: int = setting(2, gt=0, read_when="execution.environment!=none")
