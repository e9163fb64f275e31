"""PPO's reward terms: what becomes a number, and what stays None."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from rlaif.config import QuestionConfig, QuestionsConfig
from rlaif.data.completion import Completion, render_completion
from rlaif.execution import Verdict
from rlaif.feedback.judge import Item
from rlaif.feedback.questions import load_questions
from rlaif.feedback.store import LabelStore
from rlaif.records import Answer, Example
from rlaif.rewards import ExecutabilityReward, JudgeReward

EXAMPLE = Example("e1", "Add.", "<<<code>>>: 1", "", "Numbers", "Python", "train")


class ScriptedExecutor:
    """Verdicts by code."""

    statuses: Mapping[str | None, str] = {"good": "pass", "bad": "fault", "odd": "unknown_api", "env": "inconclusive"}

    def run(self, snippets: Sequence[str | None]) -> list[Verdict]:
        return [Verdict(self.statuses.get(code, "fault"), "", "", None, 0.0) for code in snippets]  # type: ignore[arg-type]


def completion(code: str) -> str:
    return "\n" + render_completion(Completion(None, None, None, None, code))


def test_executability_is_none_where_the_environment_is_to_blame() -> None:
    reward = ExecutabilityReward(ScriptedExecutor())  # type: ignore[arg-type]
    texts = [completion("good"), completion("bad"), completion("odd"), completion("env"), "no code here"]
    assert reward(prompts=["p"] * 5, completions=texts) == [1.0, 0.0, 0.0, None, 0.0]


class CountingJudge:
    """Yes where the text holds the question's id; unreadable for texts with ??."""

    name = "counting"

    def __init__(self) -> None:
        self.num_asked = 0

    def identity(self) -> Mapping[str, object]:
        return {"judge": "counting"}

    def reads(self, item: Item) -> Mapping[str, object]:
        return {"question": item.question.id, "text": item.sample.text}

    def answer(self, items: Sequence[Item]) -> Iterator[Answer]:
        for item in items:
            self.num_asked += 1
            readable = "??" not in item.sample.text
            p_yes = float(item.question.id in item.sample.text) if readable else None
            yield Answer(item.sample.id, item.question.id, p_yes, self.name, "text", invalid="" if readable else "??")


@pytest.fixture
def questions() -> Any:
    asked = [QuestionConfig("one", "One?", "parses", 1.0), QuestionConfig("two", "Two?", "parses", 3.0)]
    template = "{instruction} {output} {question}"
    return load_questions(QuestionsConfig(name="q", version=1, system="s", template=template, questions=asked))


def test_judge_is_the_weighted_mean_and_asks_once_for_the_same_text(questions: Any, tmp_path: Path) -> None:
    judge = CountingJudge()
    with LabelStore(tmp_path) as store:
        reward = JudgeReward(judge, questions, 2, store, [EXAMPLE])
        texts = ["one", "two", "one two", "??", "one"]
        scores = reward(prompts=["p"] * 5, completions=texts, example_id=["e1"] * 5)
        assert scores == [0.25, 0.75, 1.0, None, 0.25]
        assert judge.num_asked == 8
        reward(prompts=["p"], completions=["two"], example_id=["e1"])
        assert judge.num_asked == 8
