"""What every judge is: something that answers yes/no questions about samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rlaif.feedback.questions import Question
from rlaif.records import Answer, Example, Sample

UNANSWERED = "unanswered"
"""`Answer.source` where no answer came (the endpoint stayed down). It is counted as invalid, and it is not
stored, so that the next run asks again."""


@dataclass(frozen=True)
class Item:
    """One question about one sample of one example."""

    sample: Sample
    example: Example
    question: Question


class Judge(Protocol):
    """Answers items in batches.

    An answer's key in the label store is a hash of `identity()` and `reads(item)`. So together they
    name everything that decides an answer, and nothing else: no URL, no batch size, no sample id.
    """

    @property
    def name(self) -> str:
        """`Answer.judge`."""

    def identity(self) -> Mapping[str, object]:
        """What decides every answer: model, settings, version. JSON values."""

    def reads(self, item: Item) -> Mapping[str, object]:
        """What the judge reads of one item. JSON values."""

    def answer(self, items: Sequence[Item]) -> Iterator[Answer]:
        """One answer an item, in any order, each as soon as it is there.

        Raises:
            UserError: no item can be answered this way (wrong key, unknown model, endpoint down).
        """


def items_for(samples: Sequence[Sample], examples: Mapping[str, Example], questions: Sequence[Question]) -> list[Item]:
    """Every question about every sample. `examples` maps ids to examples."""
    return [Item(sample, examples[sample.example_id], question) for sample in samples for question in questions]


def num_calls(num_samples: int, num_questions: int) -> int:
    """Answers that a judge gives at most; for an endpoint, its calls. References count as samples."""
    return num_samples * num_questions
