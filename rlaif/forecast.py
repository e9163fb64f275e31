"""What a run would do: its stages, which of them are finished, and how often a judge would be asked."""

from __future__ import annotations

import hashlib
from pathlib import Path

from rlaif import pipeline, runs
from rlaif.config import JudgeKind, TrainConfig
from rlaif.errors import UserError


def forecast_lines(config: TrainConfig) -> list[str]:
    """The plan as lines of text. Works before the data are here: then it says so and counts what it can."""
    from rlaif.data.load import load_dataset

    num_train: int | None = None
    try:
        inputs = input_digests(config)
        num_train = len(load_dataset(config.data).train)
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
        lines.append(judge_calls_line(config, num_train))
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


def judge_calls_line(config: TrainConfig, num_train: int | None) -> str:
    """How many questions the judge answers, and how many of the answers are calls to an endpoint."""
    sampling, pairs = config.feedback.sampling, config.feedback.pairs
    num_prompts = sampling.num_prompts if num_train is None else min(sampling.num_prompts or num_train, num_train)
    if num_prompts is None:
        return "judge: the number of prompts is known once the data are here"
    per_prompt = sampling.num_samples + int(pairs.with_reference)
    num_questions = len(config.questions.questions)
    total = num_prompts * per_prompt * num_questions
    factors = f"{num_prompts:,} prompts x {per_prompt} completions x {num_questions} questions"
    if config.reward.terms.judge:
        num_scored = config.trainer.num_rollouts * config.trainer.rollout_batch_size
        total += num_scored * num_questions
        factors += f", and {num_scored:,} completions of PPO x {num_questions}"
    calls = total if config.feedback.judge is JudgeKind.openai else 0
    model = f" to {config.feedback.openai.model}" if calls else ""
    return f"judge {config.feedback.name}: {factors} = {total:,} answers at most; {calls:,} calls{model}"
