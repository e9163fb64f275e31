"""From a config to a function that judges samples: a strategy, and whoever answers what it asks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from rlaif.config import Environment, ExecutionConfig, FeedbackConfig, JudgeKind, TrainConfig
from rlaif.feedback.asking import open_asker
from rlaif.feedback.exchange import Reply, Request
from rlaif.feedback.forecast import Forecast
from rlaif.feedback.injection import stripped
from rlaif.feedback.questions import QuestionSet, load_questions
from rlaif.feedback.static import Execute, StaticJudge
from rlaif.feedback.static_strategy import StaticStrategy
from rlaif.feedback.strategies import Judgement, build_strategy
from rlaif.feedback.usage import Usage
from rlaif.records import ApiRow, Example, Sample

JudgeSamples = Callable[[Sequence[Sample], Mapping[str, Example]], Judgement]
"""(samples, examples by id) -> feedback."""
Progress = Callable[[int, int], None]
"""Called with (answers at hand, answers in all) of what is being asked."""


@contextmanager
def open_feedback(
    config: TrainConfig, database: Sequence[ApiRow], execute: Execute | None = None, progress: Progress | None = None,
    usage: Usage | None = None,
) -> Iterator[JudgeSamples]:
    """The strategy and the judge that a config names, with nothing loaded or called before something is judged.

    What an LLM answers is kept below `runs_dir`, for all jobs, as it arrives; what analysis
    says is found anew, since it costs nothing and its runs of code have a cache of their own.

    Args:
        execute: `Executor.run`; used by the static judge with `feedback.execute`.
        usage: Is added up, for a judge that is a model.

    Raises:
        UserError: the judge, its model, or what the strategy needs is missing; later, what `ask` raises.
    """
    strategy = build_strategy(config.questions, config.feedback.min_valid)
    if config.feedback.judge is JudgeKind.static:
        questions = load_questions(config.questions)
        judge = build_static(config.feedback, questions, database, config.execution, execute)
        static = StaticStrategy(judge, questions, config.questions.min_valid or config.feedback.min_valid, progress)
        yield lambda samples, examples: static.judge(samples, examples, _nobody)  # it cannot be talked to
        return
    directory = Path(config.runs_dir) / "shared" / "exchanges"
    announce = _announce if config.feedback.judge is JudgeKind.openai else None
    injection = config.feedback.injection
    with open_asker(config.feedback, directory, announce) as asker:

        def ask(requests: Sequence[Request]) -> list[Reply | None]:
            replies = asker.ask(requests, progress)
            if usage is not None:
                usage.add(requests, replies)
            return replies

        yield lambda samples, examples: strategy.judge([stripped(one, injection) for one in samples], examples, ask)


def build_static(
    feedback: FeedbackConfig,
    questions: QuestionSet,
    database: Sequence[ApiRow],
    execution: ExecutionConfig,
    execute: Execute | None = None,
) -> StaticJudge:
    """The judge by analysis. UserError where a question names an unknown analysis."""
    return StaticJudge(
        questions,
        database,
        feedback.static.packages,
        execute if feedback.execute else None,
        environment_of(execution),
    )


def _announce(forecast: Forecast) -> None:
    tqdm.write(forecast.line())


def _nobody(requests: Sequence[Request]) -> list[Reply | None]:
    raise AssertionError("the static judge asks nothing")


def environment_of(execution: ExecutionConfig) -> str:
    """What decides a verdict: the environment, its limits and how it is judged, not how many workers there are."""
    limits = {"timeout_s": execution.timeout_s, "memory_mb": execution.memory_mb}
    where = {"environment": execution.environment.name, "level": execution.level.name}
    if execution.environment not in (Environment.none, Environment.stdlib):
        where["judged"] = "sample files, library errors settled by references"
    return json.dumps({**where, **limits}, sort_keys=True)
