"""What a judge that reads samples itself is asked: one question about one sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rlaif.feedback.questions import Question
from rlaif.records import Example, Sample

UNANSWERED = "unanswered"
"""`Answer.source` where no answer came (the endpoint stayed down, the run of the code was stopped). It is counted
as invalid, and the next run asks again."""


@dataclass(frozen=True)
class Item:
    """One question about one sample of one example."""

    sample: Sample
    example: Example
    question: Question


def items_for(samples: Sequence[Sample], examples: Mapping[str, Example], questions: Sequence[Question]) -> list[Item]:
    """Every question about every sample. `examples` maps ids to examples."""
    return [Item(sample, examples[sample.example_id], question) for sample in samples for question in questions]
