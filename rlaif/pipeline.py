"""The graph of stages, written once: what each needs, which part of the config it reads, who runs it.

    data ──> sft ──> sample ──> label ──> pair ──> reward ──> ppo
      │       │                   └──> calibrate                │
      │       │                   └──> best_of_n ──> strong_sft ┤      (strong_sft.enabled)
      │       └────────────────────────────────────────────────┤
      └──> evaluate_references / _responses / _sft / _strong_sft / _rl  <────┘ ──> table ──> report

A stage's fingerprint covers the config it reads and the fingerprints of the stages it
needs. Whatever is finished under the same fingerprint is reused, by any job.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from rlaif import runs
from rlaif.config import DataSource, PolicyKind, TrainConfig
from rlaif.errors import UserError
from rlaif.fields import that_decide
from rlaif.ranks import ALONE, Ranks
from rlaif.runs import Run
from rlaif.tracking import Tracker


@dataclass(frozen=True)
class Stage:
    """A node of the graph."""

    name: str
    function: str
    """`module:function`, imported only when the stage runs."""
    needs: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    """Dotted config keys that decide the result: all that lies below, but for fields said to have no influence."""
    ignores: tuple[str, ...] = ()
    """Keys below `reads` that do not decide this one: other stages read them."""
    in_all_processes: bool = False
    """Whether the processes of a launcher run it together; else the main one does, and the others wait."""
    version: int = 1
    """Raised when the stage's code changes what it makes."""


@dataclass(frozen=True)
class Step:
    """A stage in a plan, with its address."""

    stage: Stage
    name: str
    fingerprint: str
    content: dict[str, Any]
    """What the fingerprint is made of."""


@dataclass
class StageContext:
    """What a stage's function gets."""

    config: TrainConfig
    run: Run
    inputs: dict[str, Run]
    tracker: Tracker
    ranks: Ranks = ALONE
    _has_logged: bool = False

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that writes."""
        return self.ranks.is_main

    def log(self, step: int, metrics: runs.Metrics) -> None:
        """One step's figures, to metrics.jsonl first and then to the tracker.

        A run that goes on from a checkpoint repeats steps that it had logged before it died:
        the first line of this process takes the place of that step and of all after it.
        """
        if not self.is_main:
            return
        if not self._has_logged:
            self.run.rewind(step - 1)
            self._has_logged = True
        self.run.log(step, metrics)
        self.tracker.log(self.run.stage, step, metrics)


EXECUTION_THAT_DECIDES = (
    "execution.environment", "execution.level", "execution.timeout_s", "execution.memory_mb",
)  # fmt: skip
EVALUATION_VERSION = 4

JUDGE_THAT_DECIDES = (
    "feedback.judge", "feedback.execute", "feedback.min_valid", "feedback.veto", "feedback.openai.model",
    "feedback.injection.strip_comments", "feedback.injection.hide_explanation", "feedback.openai.logprobs",
    "feedback.local.path", "feedback.local.max_prompt_tokens", "feedback.replay", "feedback.static", "questions",
)  # fmt: skip


def graph(config: TrainConfig) -> dict[str, Stage]:
    """The stages that this config has, in an order in which each comes after what it needs."""
    runs_code = config.feedback.execute or config.feedback.veto
    judge = JUDGE_THAT_DECIDES + (EXECUTION_THAT_DECIDES if runs_code else ())
    evaluation = ("seed", "evaluation", *EXECUTION_THAT_DECIDES)
    unread = () if config.data.source is DataSource.mini else ("data.mini",)
    stages = [
        Stage("data", "rlaif.stages.data:run", (), ("data",), unread),
        Stage(
            "evaluate_references",
            "rlaif.stages.evaluate:run",
            ("data",),
            EXECUTION_THAT_DECIDES,
            version=EVALUATION_VERSION,
        ),
    ]
    rows = ["evaluate_references"]
    if responses_file(config):
        stages.append(
            Stage("evaluate_responses", "rlaif.stages.evaluate:run", ("data",), EXECUTION_THAT_DECIDES,
                  version=EVALUATION_VERSION)
        )  # fmt: skip
        rows.append("evaluate_responses")
    if config.policy.kind is not PolicyKind.responses:
        stages += _training_stages(config, judge, evaluation)
        rows += ["evaluate_sft", "evaluate_rl"]
        if config.strong_sft.enabled:
            stages += _strong_sft_stages(evaluation)
            rows.append("evaluate_strong_sft")
        if config.reward.terms.model and config.feedback.calibration.enabled:
            rows.append("calibrate")
    stages.append(Stage("table", "rlaif.stages.table:run", ("data", *rows), ("evaluation.bootstrap_resamples", "seed")))
    by_name = {stage.name: stage for stage in stages}
    behind_table = _with_needs("table", by_name)
    # The report shows the curves and settings of all that the table came from, and makes nothing be run for itself.
    needs = tuple(name for name in by_name if name in behind_table)
    by_name["report"] = Stage("report", "rlaif.stages.report:run", needs)
    return by_name


def _training_stages(config: TrainConfig, judge: tuple[str, ...], evaluation: tuple[str, ...]) -> list[Stage]:
    terms = config.reward.terms
    ppo_reads = (
        "seed",
        "trainer",
        "reward.terms",
        *(judge if terms.judge else ()),
        *(EXECUTION_THAT_DECIDES if terms.executability else ()),
    )
    return [
        Stage("sft", "rlaif.stages.sft:run", ("data",), ("seed", "policy"), in_all_processes=True),
        Stage("evaluate_sft", "rlaif.stages.evaluate:run", ("data", "sft"), evaluation,
              version=EVALUATION_VERSION),
        Stage("sample", "rlaif.stages.sample:run", ("data", "sft"), ("seed", "feedback.sampling")),
        Stage("label", "rlaif.stages.label:run", ("data", "sample"), (*judge, "feedback.injection.num_canaries"),
              version=3),
        Stage("calibrate", "rlaif.stages.calibrate:run", ("data", "sample", "label"),
              ("seed", "feedback.calibration", *EXECUTION_THAT_DECIDES), ("feedback.calibration.enabled",)),
        Stage("pair", "rlaif.stages.pair:run", ("data", "sample", "label"), ("feedback.pairs",), version=2),
        Stage("reward", "rlaif.stages.reward:run", ("data", "sft", "pair"),
              ("seed", "reward"), ("reward.terms",), in_all_processes=True),
        Stage("ppo", "rlaif.stages.ppo:run", ("data", "sft", *(("reward",) if terms.model else ())),
              ppo_reads, in_all_processes=True, version=3),
        Stage("evaluate_rl", "rlaif.stages.evaluate:run", ("data", "ppo"), evaluation, version=EVALUATION_VERSION),
    ]  # fmt: skip


def _strong_sft_stages(evaluation: tuple[str, ...]) -> list[Stage]:
    return [
        Stage("best_of_n", "rlaif.stages.best_of_n:run", ("sample", "label")),
        Stage("strong_sft", "rlaif.stages.strong_sft:run", ("data", "sft", "best_of_n"),
              ("seed", "policy", "strong_sft"),
              ("strong_sft.enabled",), in_all_processes=True),
        Stage("evaluate_strong_sft", "rlaif.stages.evaluate:run", ("data", "strong_sft"), evaluation,
              version=EVALUATION_VERSION),
    ]  # fmt: skip


def responses_file(config: TrainConfig) -> str | None:
    """Recorded answers to replay: the policy's own, or those that come with the data."""
    return config.policy.responses_file or config.data.responses_file


def plan(config: TrainConfig, inputs: dict[str, str]) -> list[Step]:
    """The wanted stage and all that it needs, in order. `inputs`: by stage, the digest of files from outside."""
    stages = graph(config)
    if config.stage not in stages:
        raise UserError(f"stage={config.stage}: no such stage here; one of {', '.join(stages)}")
    wanted = _with_needs(config.stage, stages)
    plain = _plain(that_decide(config))
    steps: dict[str, Step] = {}
    for name, stage in stages.items():
        if name not in wanted:
            continue
        content = {
            "stage": name,
            "version": stage.version,
            "reads": {key: _read(plain, key, stage.ignores) for key in stage.reads},
            "needs": {need: steps[need].fingerprint for need in stage.needs},
            "input": inputs.get(name),
        }
        steps[name] = Step(stage, config.name, runs.fingerprint(content), content)
    return list(steps.values())


def execute(
    config: TrainConfig, steps: list[Step], tracker: Tracker, say: Callable[[str], None], ranks: Ranks = ALONE
) -> dict[str, Run]:
    """Run what is not finished, reuse what is. Returns every stage's run.

    The main process takes the locks and makes the results; the others join it where a stage is for all.
    """
    finished: dict[str, Run] = {}
    for number, step in enumerate(steps, 1):
        inputs = {need: finished[need] for need in step.stage.needs}
        if ranks.is_main:
            title = f"[{number}/{len(steps)}] {step.stage.name}"
            finished[step.stage.name] = _make(config, step, inputs, tracker, partial(_say_of, say, title), ranks)
        else:
            finished[step.stage.name] = _help(config, step, inputs, tracker, ranks)
    return finished


def _say_of(say: Callable[[str], None], title: str, text: str) -> None:
    say(f"{title}: {text}")


def _make(
    config: TrainConfig, step: Step, inputs: dict[str, Run], tracker: Tracker, say: Callable[[str], None], ranks: Ranks
) -> Run:
    """The main process's part of a step. The others are told to join, and at the end where the result lies."""
    name = step.stage.name
    waiting = partial(say, "another job is making it; waiting")
    with runs.claim(Path(config.runs_dir), name, step.name, step.fingerprint, waiting) as run:
        if run.done:
            say(f"reused {run.directory}")
        else:
            say(str(run.directory))
            _run_stage(config, step, run, inputs, tracker, ranks)
    ranks.tell([FINISHED, run.directory.name])
    tracker.finish_stage(name, run)  # outside: an upload keeps nobody waiting
    return run


def _help(config: TrainConfig, step: Step, inputs: dict[str, Run], tracker: Tracker, ranks: Ranks) -> Run:
    """The part of every other process."""
    while True:
        word, directory = ranks.hear()
        run = Run(step.stage.name, step.fingerprint, Path(config.runs_dir) / step.stage.name / directory)
        if word == FINISHED:
            return run
        _call(step, StageContext(config, run, inputs, tracker, ranks))


JOIN, FINISHED = "join", "finished"


def _run_stage(
    config: TrainConfig, step: Step, run: Run, inputs: dict[str, Run], tracker: Tracker, ranks: Ranks
) -> None:
    runs.write_atomic(run.directory / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(step.content)))
    if not (run.directory / "provenance.json").exists():
        record = runs.provenance(inputs, step.content["input"])
        runs.write_atomic(run.directory / "provenance.json", json.dumps(record, indent=2) + "\n")
    if step.stage.in_all_processes:
        ranks.tell([JOIN, run.directory.name])
    run.finish(_call(step, StageContext(config, run, inputs, tracker, ranks)))


def _call(step: Step, context: StageContext) -> Any:
    module, function = step.stage.function.split(":")
    run_stage = getattr(importlib.import_module(module), function)
    with context.ranks.together() if step.stage.in_all_processes else nullcontext():
        metrics = run_stage(context)
    if "torch" in sys.modules:
        importlib.import_module("rlaif.models.device").free_memory()
    return metrics


def _with_needs(name: str, stages: dict[str, Stage]) -> set[str]:
    return {name}.union(*(_with_needs(need, stages) for need in stages[name].needs))


def _plain(value: Any) -> Any:
    """Enums as their names, so that a fingerprint is made of JSON's own types."""
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _read(plain: dict[str, Any], key: str, ignores: tuple[str, ...]) -> Any:
    """The value at a dotted key, less the ignored keys below it."""
    value: Any = plain
    for part in key.split("."):
        value = value[part]
    return _without(value, key, ignores)


def _without(value: Any, key: str, ignores: tuple[str, ...]) -> Any:
    if not isinstance(value, dict):
        return value
    return {
        name: _without(item, f"{key}.{name}", ignores) for name, item in value.items() if f"{key}.{name}" not in ignores
    }
