"""Who is told of a run."""

from __future__ import annotations

from dataclasses import dataclass
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
    project: str = setting("rlaif", read_when="tracking.mode!=none")
    entity: str | None = setting(None, read_when="tracking.mode!=none")
    group: str | None = setting(None, read_when="tracking.mode!=none")
    tags: list[str] = setting(factory=list, read_when="tracking.mode!=none")
    num_table_rows: int = setting(16, ge=0, read_when="tracking.mode!=none")
