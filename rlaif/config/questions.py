"""What a judge is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from rlaif.fields import setting


@dataclass
class QuestionConfig:
    id: str = MISSING
    text: str = MISSING
    analysis: str = ""
    weight: float = setting(1.0, ge=0)


@dataclass
class QuestionsConfig:
    name: str = MISSING
    version: int = setting(MISSING, ge=0)
    system: str = MISSING
    template: str = MISSING
    questions: list[QuestionConfig] = field(default_factory=list)
    strategy: str = "binary"
    prompts: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    min_valid: int | None = setting(None, gt=0, off="null leaves it to feedback.min_valid")
