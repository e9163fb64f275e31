"""The judge that a config names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tqdm import tqdm

from rlaif.config import Environment, ExecutionConfig, FeedbackConfig, JudgeKind, TrainConfig
from rlaif.feedback.asked_judge import AskedJudge
from rlaif.feedback.asking import Asker, open_asker
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
    asker: Asker | None = None,
) -> Judge | AskedJudge:
    """The judge, with nothing loaded or called yet.

    Args:
        execute: `Executor.run`; used by the static judge with `feedback.execute`.
        asker: What a judge that is a model asks through; see `open_judge`.

    Raises:
        UserError: the judge's model is missing, or a question names an unknown analysis.
    """
    if feedback.judge is not JudgeKind.static:
        assert asker is not None, "a judge that is a model asks through an asker"
        return AskedJudge(asker, questions, feedback.openai.max_answer_tokens)
    return StaticJudge(
        questions,
        database,
        feedback.static.packages,
        execute if feedback.execute else None,
        environment_of(execution),
    )


def open_judge(
    config: TrainConfig, questions: QuestionSet, database: Sequence[ApiRow], execute: Execute, stack: ExitStack
) -> Judge | AskedJudge:
    """The judge of a run, with the store of exchanges that all runs share; `stack` closes it."""
    asker = None
    if config.feedback.judge is not JudgeKind.static:
        directory = Path(config.runs_dir) / "shared" / "exchanges"
        say = tqdm.write if config.feedback.judge is JudgeKind.openai else None
        announce = (lambda forecast: say(forecast.line())) if say is not None else None
        asker = stack.enter_context(open_asker(config.feedback, directory, announce))
    return build_judge(config.feedback, questions, database, config.execution, execute, asker)


def environment_of(execution: ExecutionConfig) -> str:
    """What decides a verdict: the environment, its limits and how it is judged, not how many workers there are."""
    limits = {"timeout_s": execution.timeout_s, "memory_mb": execution.memory_mb}
    where = {"environment": execution.environment.name, "level": execution.level.name}
    if execution.environment not in (Environment.none, Environment.stdlib):
        where["judged"] = "sample files, library errors settled by references"
    return json.dumps({**where, **limits}, sort_keys=True)
