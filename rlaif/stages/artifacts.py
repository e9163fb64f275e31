"""What lies where in a stage's directory, and what several stages build alike."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path

from rlaif.config import Environment, TrainConfig
from rlaif.data.completion import parse_completion
from rlaif.data.prompt import format_prompt, format_target
from rlaif.execution import Runner, open_runner
from rlaif.models.fitting import FitResult
from rlaif.records import (
    Answer,
    ApiRow,
    Evaluation,
    Example,
    Label,
    Pair,
    Preference,
    Sample,
    Split,
    read_records,
)
from rlaif.runs import Run

EXAMPLES, DATABASE, SAMPLES, PAIRS, EVALUATIONS = (
    "examples.jsonl", "database.jsonl", "samples.jsonl", "pairs.jsonl", "evaluations.jsonl",
)  # fmt: skip
ANSWERS, LABELS, PREFERENCES = "answers.jsonl", "labels.jsonl", "preferences.jsonl"
BEFORE_VETO = "before_veto_"
POLICY, REWARD_MODEL, CHECKPOINTS = "policy", "reward_model", "checkpoints"
WATCH, REPORT = "watch.jsonl", "report.html"


def read_examples(data: Run, *splits: Split) -> list[Example]:
    """The examples of these splits, or all."""
    examples = read_records(data.directory / EXAMPLES, Example)
    return [example for example in examples if not splits or example.split in splits]


def read_database(data: Run) -> list[ApiRow]:
    return read_records(data.directory / DATABASE, ApiRow)


def read_samples(run: Run) -> list[Sample]:
    return read_records(run.directory / SAMPLES, Sample)


def read_answers(label: Run) -> list[Answer]:
    return read_records(label.directory / ANSWERS, Answer)


def read_labels(label: Run, vetoed: bool = True) -> list[Label]:
    """With what execution vetoed, or as the judge gave them."""
    return read_records(_before_veto(label, LABELS, vetoed), Label)


def read_preferences(label: Run, vetoed: bool = True) -> list[Preference]:
    return read_records(_before_veto(label, PREFERENCES, vetoed), Preference)


def _before_veto(label: Run, name: str, vetoed: bool) -> Path:
    before = label.directory / f"{BEFORE_VETO}{name}"
    return before if not vetoed and before.exists() else label.directory / name


def read_pairs(pair: Run) -> list[Pair]:
    return read_records(pair.directory / PAIRS, Pair)


def read_evaluations(run: Run) -> list[Evaluation]:
    return read_records(run.directory / EVALUATIONS, Evaluation)


def prompts_and_targets(examples: Sequence[Example]) -> list[tuple[str, str]]:
    """(prompt, target) texts, as a policy is trained on them."""
    return [(format_prompt(example.instruction), format_target(example.reference)) for example in examples]


def open_executor(config: TrainConfig, data: Run) -> Runner:
    """What gives snippets their verdicts. They and its assets are shared by all runs."""
    shared = Path(config.runs_dir) / "shared"
    return open_runner(
        config.execution, shared / "verdicts", shared / "assets", read_database(data), lambda: read_references(data)
    )


def read_references(data: Run) -> list[str | None]:
    """The code of every split's references."""
    return [parse_completion(example.reference).code for example in read_examples(data)]


def executes(config: TrainConfig) -> bool:
    return config.execution.environment is not Environment.none


def fit_figures(fit: FitResult) -> dict[str, float | int | None]:
    """A training's course, for metrics.json."""
    return dataclasses.asdict(fit)


def remove_checkpoints(directory: Path) -> None:
    """The result is saved, so what it was resumed from can go."""
    shutil.rmtree(directory / CHECKPOINTS, ignore_errors=True)
