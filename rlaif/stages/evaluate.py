"""Evaluate one row of the table: the references, recorded answers, the SFT policy or the RL policy."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from rlaif.config import Level, TrainConfig
from rlaif.data.load import responses_path
from rlaif.data.responses import load_responses
from rlaif.errors import UserError
from rlaif.execution.reference_rates import Rates, find_pinned, warning_about
from rlaif.feedback.pairs import reference_sample
from rlaif.metrics.evaluate import evaluate_texts, summarize
from rlaif.models.policy import load_policy
from rlaif.models.sampling import sample_to_file
from rlaif.pipeline import StageContext
from rlaif.records import Example, Sample, write_records
from rlaif.stages import artifacts


def run(context: StageContext) -> dict[str, Any]:
    """Get the row's completions of the eval split, run and score them."""
    config, directory = context.config, context.run.directory
    examples = artifacts.read_examples(context.inputs["data"], "eval")
    database = artifacts.read_database(context.inputs["data"])
    samples = _samples(context, examples)
    with artifacts.open_executor(config, context.inputs["data"]) as executor:
        execute = executor.run if artifacts.executes(config) else None
        by_id = {example.id: example for example in examples}
        evaluations = evaluate_texts(samples, by_id, database, execute, config.data.hub)
    write_records(directory / artifacts.EVALUATIONS, evaluations)
    summary = summarize(evaluations, seed=config.seed, resamples=config.evaluation.bootstrap_resamples)
    if context.run.stage == "evaluate_references" and artifacts.executes(config):
        print(about_references(config, summary.verdicts), file=sys.stderr)
    return {**summary.scalars(), "verdicts": summary.verdicts, "failures": summary.failures}


def about_references(config: TrainConfig, verdicts: Mapping[str, int]) -> str:
    """The references' rates, and a warning where they have fallen below those that were measured before."""
    environment, level = config.execution.environment.value, config.execution.level
    rates = Rates(*(verdicts.get(status, 0) for status in ("pass", "fault", "unknown_api", "inconclusive")))
    shares = [("strict", rates.strict), ("conditional", rates.conditional)]
    said = ", ".join(f"{name} {100 * share:.1f}%" for name, share in shares if share is not None)
    line = f"references in {environment} ({level.value}): {said} of {rates.num}"
    pinned = find_pinned(environment, config.data.hub or config.data.source.value, rates.num)
    if level is not Level.tiny or pinned is None:
        return line
    warning = warning_about(environment, rates, pinned)
    return f"{line}; pinned: strict {100 * pinned.strict:.1f}%" + (f"\nwarning: {warning}" if warning else "")


def _samples(context: StageContext, examples: list[Example]) -> list[Sample]:
    config, path = context.config, context.run.directory / artifacts.SAMPLES
    row = context.run.stage.removeprefix("evaluate_")
    if row == "references":
        samples = [reference_sample(example) for example in examples]
        write_records(path, samples)
    elif row == "responses":
        file = responses_path(config.data, config.policy.responses_file)
        if file is None:
            raise UserError("policy.responses_file: no file of recorded answers is named")
        samples = load_responses(file, examples)
        write_records(path, samples)
    else:
        made_by = context.inputs["sft" if row == "sft" else "ppo"]
        evaluation = config.evaluation
        samples = sample_to_file(
            load_policy(made_by.directory / artifacts.POLICY), row, examples, path,
            num_samples=evaluation.num_samples, temperature=evaluation.temperature, top_p=evaluation.top_p,
            batch_size=evaluation.batch_size, config=config.policy, seed=config.seed,
        )  # fmt: skip
    return samples


