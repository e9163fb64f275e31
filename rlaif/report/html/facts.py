"""What a run is, in short: its settings, sizes, and the versions that it was made with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rlaif.config import Environment, ExecutionConfig, JudgeKind, PolicyConfig, PolicyKind, TrainConfig

Metrics = Mapping[str, Mapping[str, Any]]
"""By stage, its metrics.json."""


@dataclass(frozen=True)
class Fact:
    name: str
    value: str


@dataclass(frozen=True)
class StageRecord:
    """One stage's run folder and what its provenance.json says."""

    stage: str
    folder: str
    provenance: Mapping[str, Any]
    config: str
    """The part of the config that decided the result, as YAML."""

    @property
    def commit(self) -> str:
        return short_commit(self.provenance.get("commit"))

    @property
    def duration(self) -> str:
        """From start to end, as ``2 min 5 s``; a dash where it is not known."""
        times = [self.provenance.get(name) for name in ("started", "finished")]
        if not all(isinstance(time, str) for time in times):
            return "-"
        start, end = (datetime.fromisoformat(str(time)) for time in times)
        minutes, seconds = divmod(int((end - start).total_seconds()), 60)
        return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def run_facts(config: TrainConfig, metrics: Metrics, provenance: Mapping[str, Any]) -> list[Fact]:
    """The lines at the head of the report."""
    facts = [Fact("Data", _data(config, metrics.get("data", {}))), Fact("Policy", _policy(config, metrics))]
    if config.policy.kind is not PolicyKind.responses:
        facts += [
            Fact("Judge", _judge(config)),
            Fact("Reward", _reward(config)),
            Fact("Trainer", _trainer(config)),
        ]
    facts += [
        Fact("Execution", _execution(config.execution)),
        Fact("Evaluation", _evaluation(config)),
        Fact("Seed", str(config.seed)),
        Fact("Commit", short_commit(provenance.get("commit"))),
        Fact("Versions", _versions(provenance)),
    ]
    return facts


def short_commit(commit: str | None) -> str:
    """Twelve digits, and the + that stands for uncommitted changes."""
    if not commit:
        return "not known (no checkout)"
    return commit[:12] + (" + uncommitted changes" if commit.endswith("+") else "")


def _data(config: TrainConfig, sizes: Mapping[str, Any]) -> str:
    name = config.data.name + (f" ({config.data.hub})" if config.data.hub else "")
    counts = [
        f"{sizes[key]:,} {said}"
        for key, said in (
            ("num_train", "to train on"), ("num_validation", "to validate"), ("num_eval", "to evaluate"),
            ("num_api_rows", "rows in the API database"),
        )
        if key in sizes
    ]  # fmt: skip
    return ", ".join([name, f"{config.data.split.value} split", *counts])


def _policy(config: TrainConfig, metrics: Metrics) -> str:
    policy: PolicyConfig = config.policy
    if policy.kind is PolicyKind.responses:
        return "recorded answers; nothing was trained"
    num = metrics.get("sft", {}).get("num_parameters")
    size = f"{num:,} parameters" if num else "size not recorded"
    origin = "from scratch" if policy.kind is PolicyKind.scratch else f"from {policy.path}"
    return ", ".join([policy.name, origin, size, *(["LoRA"] if policy.lora.enabled else [])])


def _judge(config: TrainConfig) -> str:
    asked = f"questions {config.questions.name} v{config.questions.version}"
    if config.feedback.judge is JudgeKind.static:
        return f"{config.feedback.name}, {asked}; program analysis, not an LLM"
    model = {JudgeKind.openai: config.feedback.openai.model, JudgeKind.local: config.feedback.local.path}
    named = model.get(config.feedback.judge) or config.feedback.judge.value
    return f"{config.feedback.name} ({named}), {asked}"


def _reward(config: TrainConfig) -> str:
    terms = config.reward.terms
    weights = {"model": terms.model, "judge": terms.judge, "executability": terms.executability}
    said = " + ".join(f"{weight:g} × {name}" for name, weight in weights.items() if weight)
    return f"{config.reward.name}: {said or 'no term'}"


def _trainer(config: TrainConfig) -> str:
    trainer = config.trainer
    return (
        f"{trainer.name}: {trainer.num_rollouts} rollouts of {trainer.rollout_batch_size} completions, "
        f"{trainer.num_ppo_epochs} epochs each, learning rate {trainer.learning_rate:g}, "
        f"KL coefficient {trainer.kl_coef:g}"
    )


def _execution(execution: ExecutionConfig) -> str:
    if execution.environment is Environment.none:
        return "nothing is run"
    return f"{execution.environment.value}, level {execution.level.value}"


def _evaluation(config: TrainConfig) -> str:
    if config.policy.kind is PolicyKind.responses:
        return "recorded answers as they are"
    evaluation = config.evaluation
    decoding = "greedy" if evaluation.temperature == 0 else f"temperature {evaluation.temperature:g}"
    nucleus = f", top_p {evaluation.top_p:g}" if evaluation.top_p < 1 else ""
    several = "completion" if evaluation.num_samples == 1 else "completions"
    return f"{evaluation.num_samples} {several} an example, {decoding}{nucleus}"


def _versions(provenance: Mapping[str, Any]) -> str:
    versions = provenance.get("versions") or {}
    known: Sequence[str] = [f"{name} {version}" for name, version in versions.items() if version]
    return ", ".join([f"Python {provenance.get('python', 'not recorded')}", *known])
