"""A set of prompts and questions under a name and a version: what a strategy puts to an LLM judge.

The output under review is data from a model that may learn to talk to its judge. So it
reaches the prompt as JSON, in which it cannot close its own quotes, with every `<`
escaped, so that it cannot spell a chat template's control tokens either.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rlaif.config import QuestionsConfig
from rlaif.data.completion import SECTIONS, parse_completion
from rlaif.errors import UserError
from rlaif.records import FinishReason

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True)
class Question:
    """One question; yes is always good."""

    id: str
    text: str
    weight: float
    analysis: str
    """The program analysis that answers it for the static judge."""


@dataclass(frozen=True)
class Prompt:
    """What an LLM judge is sent."""

    system: str
    user: str


@dataclass(frozen=True)
class QuestionSet:
    """Questions under a name and a version, with the prompt that puts them."""

    name: str
    version: int
    system: str
    template: str
    questions: tuple[Question, ...]
    strategy: str = "binary"
    prompts: Mapping[str, str] = field(default_factory=dict)
    """Further templates of the strategy, by name."""

    @property
    def weights(self) -> dict[str, float]:
        """Weight by question id."""
        return {question.id: question.weight for question in self.questions}

    def render(
        self, question: Question, instruction: str, completion: str, finish_reason: FinishReason = "stop"
    ) -> Prompt:
        """The prompt for one question; every text in it is quoted data."""
        output = output_of(completion, finish_reason)
        user = fill(self.template, instruction=instruction, output=output, question=question.text)
        return Prompt(self.system.strip(), user)

    def messages(self, template: str, **values: object) -> tuple[tuple[str, str], ...]:
        """The system's message and a filled template; every value in it is quoted data."""
        return (("system", self.system.strip()), ("user", fill(template, **values)))

    def require(self, name: str, *placeholders: str) -> str:
        """The template of that name; UserError where there is none, or it leaves a placeholder out."""
        template = self.template if name == "template" else self.prompts.get(name)
        where = f"questions.{name}" if name == "template" else f"questions.prompts.{name}"
        if template is None:
            raise UserError(f"{where} ({self.name}): the strategy {self.strategy} needs it")
        missing = [one for one in placeholders if f"{{{one}}}" not in template]
        if missing:
            raise UserError(f"{where} ({self.name}): has no {', '.join(f'{{{one}}}' for one in missing)}")
        return template


def fill(template: str, **values: object) -> str:
    """A template with each placeholder's value as JSON; a placeholder within a value stays as it is."""

    def value_of(match: re.Match[str]) -> str:
        name = match.group(1)
        return quote(values[name]) if name in values else match.group()

    return PLACEHOLDER.sub(value_of, template).strip()


def quote(value: object) -> str:
    """JSON in which no `<` stands as itself."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


def sections_of(completion: str) -> dict[str, str]:
    """The sections that a completion has; its whole text where it has none."""
    read = parse_completion(completion)
    sections = {name: text for name in SECTIONS if (text := getattr(read, name)) is not None}
    return sections or {"text": completion}


CUT_OFF = "The output ran into its length limit and was cut off here. It is not finished."


def output_of(completion: str, finish_reason: FinishReason) -> dict[str, str]:
    """What a judge is shown of an output: its sections, and whether it was cut off, which the text does not tell."""
    sections = sections_of(completion)
    return sections if finish_reason == "stop" else {**sections, "cut_off": CUT_OFF}


def load_questions(config: QuestionsConfig) -> QuestionSet:
    """The question set of a config; what its strategy asks of it, the strategy checks.

    Raises:
        UserError: ids that repeat, weights that cannot weigh.
    """
    questions = tuple(
        Question(question.id, question.text, question.weight, question.analysis) for question in config.questions
    )
    _check_questions(config.name, questions)
    return QuestionSet(
        config.name, config.version, config.system, config.template, questions, config.strategy, dict(config.prompts)
    )


def _check_questions(name: str, questions: Sequence[Question]) -> None:
    ids = [question.id for question in questions]
    repeated = sorted({one for one in ids if ids.count(one) > 1})
    if repeated:
        raise UserError(f"questions.questions ({name}): the id {repeated[0]} stands twice")
    for question in questions:
        if question.weight < 0:
            raise UserError(f"questions.questions ({name}): {question.id} has the weight {question.weight}, below 0")
    if questions and not any(question.weight for question in questions):
        raise UserError(f"questions.questions ({name}): every weight is 0")
