"""What every strategy is: samples in, through `ask`, feedback out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from rlaif.data.visible import visible
from rlaif.feedback.exchange import Ask, Reply, Request
from rlaif.feedback.judge import UNANSWERED
from rlaif.feedback.reading import Reading
from rlaif.fields import setting
from rlaif.records import Answer, Example, Label, Preference, Sample


@dataclass(frozen=True)
class Judgement:
    """All that a strategy found out. Strategies that score samples give labels, those that compare, preferences."""

    answers: list[Answer] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    preferences: list[Preference] = field(default_factory=list)


class Strategy(Protocol):
    """Decides what is asked and how replies become feedback; who answers, and what is kept, is `ask`'s business."""

    scores_samples: bool
    """Whether it gives labels, so that it can be a reward in PPO."""
    largest_margin: float
    """The most by which one completion can be better than another, in what `feedback.pairs.min_margin` is measured."""

    def judge(self, samples: Sequence[Sample], examples: Mapping[str, Example], ask: Ask) -> Judgement:
        """Feedback on samples of any number of examples. `examples` maps ids to examples."""

    def max_requests(self, num_samples: int) -> int:
        """The most requests for one example with so many samples; votes of one request count once."""


@dataclass(frozen=True)
class AnswerOptions:
    """How an answer in a word is asked for: options that all strategies have."""

    votes: int = setting(1, gt=0)
    """Texts asked for; above 1 they are votes, for servers that give no log-probabilities."""
    vote_temperature: float = setting(1.0, ge=0)
    """Of votes; one answer is asked for at temperature 0."""
    max_answer_tokens: int = setting(8, gt=0)
    """Of an answer in a word. A model that thinks aloud first needs hundreds."""

    def __post_init__(self) -> None:
        if self.votes > 1 and self.vote_temperature <= 0:
            raise ValueError("votes at temperature 0 are all the same; vote_temperature has to be above 0")

    @property
    def temperature(self) -> float:
        return self.vote_temperature if self.votes > 1 else 0.0


def answer_of(
    sample_id: str, question_id: str, p_yes: float | None, reading: Reading, reply: Reply | None, about: str = ""
) -> Answer:
    """A reading as the answer to a question. `about` opens its evidence."""
    return Answer(
        sample_id=sample_id,
        question_id=question_id,
        p_yes=None if reading.invalid else p_yes,
        judge=reply.model if reply is not None else "",
        source=reading.source if reply is not None else UNANSWERED,
        evidence=visible(f"{about}{reading.evidence}"),
        invalid=visible(reading.invalid),
    )


def by_example(samples: Sequence[Sample]) -> dict[str, list[Sample]]:
    """Samples of each example, the first of each text."""
    groups: dict[str, dict[str, Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.example_id, {}).setdefault(sample.text.strip(), sample)
    return {id: list(group.values()) for id, group in groups.items()}


def word_request(
    messages: tuple[tuple[str, str], ...], words: tuple[str, ...], options: AnswerOptions, purpose: str
) -> Request:
    """A request for one of two or more words or numbers."""
    expects = "yes_no" if words == ("yes", "no") else "number" if len(words) > 2 else "choice"
    return Request(
        messages,
        expects,  # type: ignore[arg-type]
        words,
        max_tokens=options.max_answer_tokens,
        temperature=options.temperature,
        num_samples=options.votes,
        purpose=purpose,
    )
