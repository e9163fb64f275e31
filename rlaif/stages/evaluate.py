"""Evaluate one row of the table: the references, recorded answers, the SFT policy or the RL policy."""

from __future__ import annotations

from typing import Any

from rlaif.data.load import responses_path
from rlaif.data.responses import load_responses
from rlaif.errors import UserError
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
    with artifacts.open_executor(config, database) as executor:
        execute = executor.run if artifacts.executes(config) else None
        evaluations = evaluate_texts(samples, {example.id: example for example in examples}, database, execute)
    write_records(directory / artifacts.EVALUATIONS, evaluations)
    summary = summarize(evaluations, seed=config.seed, resamples=config.evaluation.bootstrap_resamples)
    return {**summary.scalars(), "verdicts": summary.verdicts, "failures": summary.failures}


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


