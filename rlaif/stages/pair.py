"""Answers to scores, and scores to preference pairs."""

from __future__ import annotations

import dataclasses
from typing import Any

from rlaif.errors import UserError
from rlaif.feedback.pairs import make_pairs, reference_sample
from rlaif.feedback.questions import load_questions
from rlaif.feedback.scoring import score_samples
from rlaif.pipeline import StageContext
from rlaif.records import write_records
from rlaif.stages import artifacts


def run(context: StageContext) -> dict[str, Any]:
    """Score every sample and reference; compare them within an example."""
    feedback = context.config.feedback
    examples = {example.id: example for example in artifacts.read_examples(context.inputs["data"], "train")}
    samples = artifacts.read_samples(context.inputs["sample"])
    if feedback.pairs.with_reference:
        ids = dict.fromkeys(sample.example_id for sample in samples)
        samples += [reference_sample(examples[id]) for id in ids]
    answers = artifacts.read_answers(context.inputs["label"])
    labels = score_samples(answers, load_questions(context.config.questions).weights, feedback.min_valid)
    report = make_pairs(samples, labels, feedback.pairs)
    if not report.pairs:
        raise UserError(
            f"no preference pairs: {report.num_ties} ties, {report.num_unlabelled} samples without a score; "
            "lower feedback.pairs.min_margin or sample more"
        )
    write_records(context.run.directory / "labels.jsonl", labels)
    write_records(context.run.directory / artifacts.PAIRS, report.pairs)
    counts = {name: value for name, value in dataclasses.asdict(report).items() if name != "pairs"}
    scores = [label.score for label in labels if label.score is not None]
    return {"num_pairs": len(report.pairs), **counts, "mean_score": sum(scores) / len(scores)}
