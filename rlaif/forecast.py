"""What a run would do: its stages, which of them are finished, and how often a judge would be asked."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

from rlaif import pipeline, runs
from rlaif.config import JudgeKind, TrainConfig
from rlaif.errors import UserError
from rlaif.feedback.asking import prices_of
from rlaif.feedback.build import exchanges_of
from rlaif.feedback.canaries import SAMPLES_OF_A_CANARY
from rlaif.feedback.exchange_store import ExchangeStore
from rlaif.feedback.forecast import Forecast, forecast
from rlaif.feedback.rehearsal import rehearse
from rlaif.feedback.strategies import Strategy, build_strategy
from rlaif.records import Example


def forecast_lines(config: TrainConfig) -> list[str]:
    """The plan as lines of text. Works before the data are here: then it says so and counts what it can."""
    from rlaif.data.load import load_dataset

    train: Sequence[Example] = ()
    try:
        inputs = input_digests(config)
        train = load_dataset(config.data).train
        lines = [f"plan for stage={config.stage} ({config.name}, seed {config.seed})"]
    except UserError as error:
        inputs = {"data": "not here"}
        lines = [f"plan for stage={config.stage} ({config.name}, seed {config.seed}); {error}"]
    steps = pipeline.plan(config, inputs)
    for number, step in enumerate(steps, 1):
        run = runs.find(Path(config.runs_dir), step.stage.name, step.name, step.fingerprint)
        state = "finished" if run.done else "started" if run.directory.exists() else "to be made"
        needs = ", ".join(step.stage.needs) or "nothing"
        lines.append(f"  {number:>2}. {step.stage.name:<20} {state:<11} needs {needs}")
    if any(step.stage.name == "label" for step in steps):
        lines.append(judge_line(config, train))
    return lines


def input_digests(config: TrainConfig) -> dict[str, str]:
    """By stage, a digest of the content of files that come from outside: data and recorded answers.

    UserError where a file is not there.
    """
    from rlaif.data.load import responses_path, source_digest

    digests = {"data": source_digest(config.data)}
    responses = responses_path(config.data, config.policy.responses_file)
    if responses is not None:
        digests["evaluate_responses"] = hashlib.sha256(responses.read_bytes()).hexdigest()
    return digests


def judge_line(config: TrainConfig, train: Sequence[Example]) -> str:
    """How often the judge is asked at most, and about how many tokens and dollars that takes."""
    feedback, questions = config.feedback, config.questions
    num_prompts = feedback.sampling.num_prompts
    if train:
        num_prompts = min(num_prompts or len(train), len(train))
    if num_prompts is None:
        return "judge: the number of prompts is known once the data are here"
    strategy = build_strategy(questions, feedback.min_valid)
    per_prompt = feedback.sampling.num_samples + 1  # the reference is judged too
    num_scored = config.trainer.num_rollouts * config.trainer.rollout_batch_size if config.reward.terms.judge else 0
    num_canaries = min(num_prompts, feedback.injection.num_canaries)
    possible = [
        Group(num_prompts, per_prompt, f"{num_prompts:,} prompts x {per_prompt} completions"),
        Group(num_canaries, SAMPLES_OF_A_CANARY, f"{num_canaries} canaries x {SAMPLES_OF_A_CANARY}"),
        Group(num_scored, 1, f"{num_scored:,} completions of PPO"),
    ]
    groups = [group for group in possible if group.num]
    total = sum(group.num * strategy.max_requests(group.num_samples) for group in groups)
    parts = ", ".join(group.told for group in groups)
    told = f"judge {feedback.name}, {questions.name}: {parts}"
    if feedback.judge is not JudgeKind.openai:
        return f"{told} = {total:,} answers at most; 0 calls"
    told += f" = {total:,} calls to {feedback.openai.model} at most"
    if not train:
        return f"{told}; tokens and cost are known once the data are here"
    expected = expected_calls(config, strategy, train, groups)
    return f"{told}; with references for samples, {expected.line()}"


@dataclass(frozen=True)
class Group:
    """Judged alike: so many examples with so many samples each."""

    num: int
    num_samples: int
    told: str


def expected_calls(
    config: TrainConfig, strategy: Strategy, train: Sequence[Example], groups: Sequence[Group]
) -> Forecast:
    """Of all groups, as far as references are like samples."""
    directory = exchanges_of(config)
    store = ExchangeStore(directory) if directory.is_dir() else None
    judge, prices = f"openai:{config.feedback.openai.model}", prices_of(config.feedback)

    def of_group(group: Group) -> Forecast:
        requests, num_examples = rehearse(strategy, train, group.num_samples)
        return forecast(requests, judge, prices, store).times(group.num / num_examples)

    return reduce(Forecast.plus, map(of_group, groups))
