"""Feedback to preference pairs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from rlaif.errors import UserError
from rlaif.feedback.invalid import invalid_line
from rlaif.feedback.pairs import PairReport, make_pairs, pairs_from_preferences, reference_sample
from rlaif.pipeline import StageContext
from rlaif.records import Preference, write_records
from rlaif.stages import artifacts


def run(context: StageContext) -> dict[str, Any]:
    """Choose pairs within each example: of the completions that were compared, or else by their scores."""
    config = context.config.feedback.pairs
    examples = {example.id: example for example in artifacts.read_examples(context.inputs["data"], "train")}
    samples = artifacts.read_samples(context.inputs["sample"])
    if config.with_reference:
        ids = dict.fromkeys(sample.example_id for sample in samples)
        samples += [reference_sample(examples[id]) for id in ids]
    labels = artifacts.read_labels(context.inputs["label"])
    preferences = artifacts.read_preferences(context.inputs["label"])
    if preferences:
        report = pairs_from_preferences(samples, preferences, config)
    else:
        report = make_pairs(samples, labels, config)
    if not report.pairs:
        raise UserError(
            f"no preference pairs: {report.num_ties} ties, {report.num_unlabelled} without a readable answer, "
            f"{report.num_unbalanced} left out for their lengths; {_way_out(context, report, preferences)}"
        )
    write_records(context.run.directory / artifacts.PAIRS, report.pairs)
    counts = {name: value for name, value in dataclasses.asdict(report).items() if name != "pairs"}
    scores = [label.score for label in labels if label.score is not None]
    mean_score = {"mean_score": sum(scores) / len(scores)} if scores else {}
    return {"num_pairs": len(report.pairs), **counts, **mean_score}


def _way_out(context: StageContext, report: PairReport, preferences: Sequence[Preference]) -> str:
    """What would give pairs: where it is the judge's answers that are missing, no other margin does."""
    if report.num_unlabelled > report.num_ties + report.num_unbalanced:
        unread = invalid_line(artifacts.read_answers(context.inputs["label"]), preferences)
        if unread is not None:
            return unread
    return "lower feedback.pairs.min_margin or sample more"
