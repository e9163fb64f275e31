"""A set of yes/no questions, and the prompt that puts one of them to an LLM judge.

The output under review is data from a model that may learn to talk to its judge. So it
reaches the prompt as JSON, in which it cannot close its own quotes, with every `<`
escaped, so that it cannot spell a chat template's control tokens either.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from rlaif.config import QuestionsConfig
from rlaif.data.completion import SECTIONS, parse_completion
from rlaif.errors import UserError

PLACEHOLDER = re.compile(r"\{(instruction|output|question)\}")


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

    @property
    def weights(self) -> dict[str, float]:
        """Weight by question id."""
        return {question.id: question.weight for question in self.questions}

    def render(self, question: Question, instruction: str, completion: str) -> Prompt:
        """The prompt for one question; every text in it is quoted data."""
        filled = {
            "instruction": quote(instruction),
            "output": quote(sections_of(completion)),
            "question": quote(question.text),
        }
        user = PLACEHOLDER.sub(lambda match: filled[match.group(1)], self.template)
        return Prompt(self.system.strip(), user.strip())


def quote(value: object) -> str:
    """JSON in which no `<` stands as itself."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


def sections_of(completion: str) -> dict[str, str]:
    """The sections that a completion has; its whole text where it has none."""
    read = parse_completion(completion)
    sections = {name: text for name in SECTIONS if (text := getattr(read, name)) is not None}
    return sections or {"text": completion}


def load_questions(config: QuestionsConfig) -> QuestionSet:
    """The question set of a config.

    Raises:
        UserError: ids that repeat, weights that cannot weigh, a template that leaves something out.
    """
    questions = tuple(
        Question(question.id, question.text, question.weight, question.analysis) for question in config.questions
    )
    _check_questions(config.name, questions)
    missing = {"instruction", "output", "question"} - set(PLACEHOLDER.findall(config.template))
    if missing:
        names = ", ".join(f"{{{name}}}" for name in sorted(missing))
        raise UserError(f"questions.template ({config.name}): has no {names}")
    return QuestionSet(config.name, config.version, config.system, config.template, questions)


def _check_questions(name: str, questions: Sequence[Question]) -> None:
    ids = [question.id for question in questions]
    if not ids:
        raise UserError(f"questions.questions ({name}): no question")
    repeated = sorted({one for one in ids if ids.count(one) > 1})
    if repeated:
        raise UserError(f"questions.questions ({name}): the id {repeated[0]} stands twice")
    for question in questions:
        if question.weight < 0:
            raise UserError(f"questions.questions ({name}): {question.id} has the weight {question.weight}, below 0")
    if not any(question.weight for question in questions):
        raise UserError(f"questions.questions ({name}): every weight is 0")
