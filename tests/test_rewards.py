"""PPO's reward terms: what becomes a number, and what stays None."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from rlaif.compose import check_command_line
from rlaif.config import QuestionsConfig
from rlaif.data.completion import Completion, render_completion
from rlaif.errors import UserError
from rlaif.execution import Verdict
from rlaif.feedback.exchange import Reply, Request
from rlaif.feedback.strategies import Judgement, build_strategy
from rlaif.records import Example, Label, Sample
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


def test_code_that_was_cut_off_does_not_run_to_its_end() -> None:
    reward = ExecutabilityReward(ScriptedExecutor())  # type: ignore[arg-type]
    texts = [completion("good"), completion("good"), completion("bad"), completion("env"), "```\ngood\n```\nIt is goo"]
    reasons = ["stop", "length", "length", "length", "length"]
    scores = reward(prompts=["p"] * 5, completions=texts, finish_reason=reasons)
    assert scores == [1.0, 0.0, 0.0, None, 1.0], "of the last one, only what follows the code is cut off"


def test_the_judge_learns_which_completions_were_cut_off() -> None:
    judged: list[Sample] = []

    def judge(samples: Sequence[Sample], examples: Mapping[str, Example]) -> Judgement:
        judged.extend(samples)
        return Judgement(labels=[Label(sample.id, 1.0, 1) for sample in samples])

    reward = JudgeReward(judge, [EXAMPLE])
    reward(prompts=["p"] * 2, completions=["a", "b"], example_id=["e1"] * 2, finish_reason=["length", "stop"])
    reward(prompts=["p"], completions=["c"], example_id=["e1"])
    assert [(sample.text, sample.finish_reason) for sample in judged] == [("a", "length"), ("b", "stop"), ("c", "stop")]


def test_judge_is_the_strategys_score_of_each_completion_in_order() -> None:
    """The direct score of what a model answers; None where it cannot be read. The same text is one request."""
    asked: list[Request] = []

    def ask(requests: Sequence[Request]) -> list[Reply | None]:
        asked.extend(requests)
        return [None if "lost" in one.messages[1][1] else Reply((grade_in(one),)) for one in requests]

    def grade_in(request: Request) -> str:
        return request.messages[1][1].rpartition("grade-")[2].split('"')[0]

    config = QuestionsConfig("mine", 1, "Grade.", "{instruction} {output}", strategy="direct_score")
    strategy = build_strategy(config, 1)
    reward = JudgeReward(lambda samples, examples: strategy.judge(samples, examples, ask), [EXAMPLE])
    texts = ["grade-10", "grade-1", "grade-4", "grade-none", "lost", "grade-10"]
    scores = reward(prompts=["p"] * 6, completions=texts, example_id=["e1"] * 6)
    assert scores == [1.0, 0.0, pytest.approx(1 / 3), None, None, 1.0]
    assert asked[0] == asked[5]


def test_a_strategy_that_only_compares_is_no_reward() -> None:
    overrides = ["reward=judge", "feedback=openai", "feedback.openai.model=m"]
    check_command_line([*overrides, "questions=direct_score"])
    check_command_line([*overrides, "questions=claims"])
    with pytest.raises(UserError, match=r"reward\.terms\.judge: questions\.strategy=pairwise compares"):
        check_command_line([*overrides, "questions=pairwise"])
    with pytest.raises(UserError, match=r"questions\.strategy: direct_score asks an LLM"):
        check_command_line(["reward=judge", "questions=direct_score"])
