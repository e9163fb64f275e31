"""The judge that a config names."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rlaif.config import Environment, ExecutionConfig, FeedbackConfig, JudgeKind
from rlaif.feedback.judge import Judge
from rlaif.feedback.questions import QuestionSet
from rlaif.feedback.static import Execute, StaticJudge
from rlaif.records import ApiRow


def build_judge(
    feedback: FeedbackConfig,
    questions: QuestionSet,
    database: Sequence[ApiRow],
    execution: ExecutionConfig,
    execute: Execute | None = None,
) -> Judge:
    """The judge, with nothing loaded or called yet.

    Args:
        execute: `Executor.run`; used by the static judge with `feedback.execute`.

    Raises:
        UserError: the judge's model is missing, or a question names an unknown analysis.
    """
    if feedback.judge is JudgeKind.openai:
        from rlaif.feedback.openai_judge import OpenaiJudge

        return OpenaiJudge(feedback.openai, questions)
    if feedback.judge is JudgeKind.local:
        from rlaif.feedback.local_judge import LocalJudge

        return LocalJudge(feedback.local, questions)
    return StaticJudge(
        questions,
        database,
        feedback.static.packages,
        execute if feedback.execute else None,
        environment_of(execution),
    )


def environment_of(execution: ExecutionConfig) -> str:
    """What decides a verdict: the environment, its limits and how it is judged, not how many workers there are."""
    limits = {"timeout_s": execution.timeout_s, "memory_mb": execution.memory_mb}
    where = {"environment": execution.environment.name, "level": execution.level.name}
    if execution.environment not in (Environment.none, Environment.stdlib):
        where["judged"] = "sample files, library errors settled by references"
    return json.dumps({**where, **limits}, sort_keys=True)
