"""From a config to a function that judges samples: a strategy, and whoever answers what it asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from rlaif.config import FeedbackConfig, JudgeKind, TrainConfig
from rlaif.feedback.asking import Progress, open_asker
from rlaif.feedback.budget import Spending
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


@dataclass(frozen=True)
class Feedback:
    """A strategy with whoever answers it: a `JudgeSamples` that knows what it has spent."""

    judge: JudgeSamples
    spending: Spending = field(default_factory=Spending)
    """Every attempt that was sent so far; none where the judge is no model."""

    def __call__(self, samples: Sequence[Sample], examples: Mapping[str, Example]) -> Judgement:
        return self.judge(samples, examples)


@contextmanager
def open_feedback(
    config: TrainConfig,
    database: Sequence[ApiRow],
    execute: Execute | None = None,
    progress: Progress | None = None,
    usage: Usage | None = None,
) -> Iterator[Feedback]:
    """The strategy and the judge that a config names, with nothing loaded or called before something is judged.

    What a model answers is kept below `runs_dir`, for all jobs, as it arrives; what analysis
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
        judge = build_static(config.feedback, questions, database, execute)
        static = StaticStrategy(judge, questions, config.questions.min_valid or config.feedback.min_valid, progress)
        yield Feedback(lambda samples, examples: static.judge(samples, examples, _nobody))  # it cannot be talked to
        return
    shared = Path(config.runs_dir) / "shared"
    _say_what_is_not_read(shared / "labels")
    announce = _announce if config.feedback.judge is JudgeKind.openai else None
    injection = config.feedback.injection
    with open_asker(config.feedback, exchanges_of(config), announce) as asker:

        def ask(requests: Sequence[Request]) -> list[Reply | None]:
            replies = asker.ask(requests, progress)
            if usage is not None:
                usage.add(requests, replies)
            return replies

        def judge_stripped(samples: Sequence[Sample], examples: Mapping[str, Example]) -> Judgement:
            return strategy.judge([stripped(one, injection) for one in samples], examples, ask)

        yield Feedback(judge_stripped, asker.spending)


def exchanges_of(config: TrainConfig) -> Path:
    """The store of what models were asked and answered, shared by all runs."""
    return Path(config.runs_dir) / "shared" / "exchanges"


def build_static(
    feedback: FeedbackConfig, questions: QuestionSet, database: Sequence[ApiRow], execute: Execute | None = None
) -> StaticJudge:
    """The judge by analysis. UserError where a question names an unknown analysis."""
    return StaticJudge(questions, database, feedback.static.packages, execute if feedback.execute else None)


def _say_what_is_not_read(labels: Path) -> None:
    """Answers were once kept without the requests that they answer, so that no other parser could read them."""
    if any(labels.glob("*.jsonl")):
        tqdm.write(f"{labels}: answers in a format that is no longer read; what is missing is asked again")


def _announce(forecast: Forecast) -> None:
    tqdm.write(forecast.line())


def _nobody(requests: Sequence[Request]) -> list[Reply | None]:
    raise AssertionError("the static judge asks nothing")
