"""What a judge is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING


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
