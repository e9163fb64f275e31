"""Who is told of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from omegaconf import MISSING

from rlaif.fields import setting


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
    num_table_rows: int = setting(16, ge=0)
