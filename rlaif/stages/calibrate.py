"""What the judge is worth on the samples that it labelled: beside their execution and their API call."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

from rlaif import runs
from rlaif.config import JudgeKind
from rlaif.data.completion import parse_completion
from rlaif.feedback.analysis import ANALYSES
from rlaif.feedback.build import build_static
from rlaif.feedback.questions import load_questions
from rlaif.feedback.static_strategy import StaticStrategy
from rlaif.feedback.worth import Judged, worth
from rlaif.metrics.api_database import ApiDatabase
from rlaif.metrics.ast_match import match_completion
from rlaif.pipeline import StageContext
from rlaif.records import Answer, Example, Sample
from rlaif.report.calibration import draw, headline, render_markdown
from rlaif.stages import artifacts

Truths = dict[str, dict[str, bool | None]]
"""By truth, by sample id; None where it cannot be told."""


def run(context: StageContext) -> dict[str, Any]:
    """Run the code of the labelled samples (or some), compare, write calibration.json, .md and .png."""
    config, directory = context.config, context.run.directory
    settings = config.feedback.calibration
    data, label = context.inputs["data"], context.inputs["label"]
    examples = {example.id: example for example in artifacts.read_examples(data, "train")}
    samples = chosen(artifacts.read_samples(context.inputs["sample"]), settings.max_samples, config.seed)
    judged = Judged(
        samples,
        artifacts.read_answers(label),
        artifacts.read_labels(label, vetoed=False),
        artifacts.read_preferences(label, vetoed=False),
        {question.id: question.weight for question in config.questions.questions},
    )
    truths, others = known(context, samples, examples)
    report = worth(
        judged, truths, others,
        num_bins=settings.num_bins, resamples=settings.bootstrap_resamples, seed=config.seed,
    )  # fmt: skip
    report = {
        "judge": config.feedback.name,
        "questions": f"{config.questions.name} v{config.questions.version}",
        "strategy": config.questions.strategy,
        **report,
        "canaries": label.metrics.get("canaries"),
    }
    runs.write_atomic(directory / "calibration.json", json.dumps(report, indent=1) + "\n")
    runs.write_atomic(directory / "calibration.md", render_markdown(report))
    draw(report, directory / "calibration.png")
    return {"headline": headline(report), "num_samples": len(samples), **flat(report)}


def chosen(samples: Sequence[Sample], max_samples: int | None, seed: int) -> list[Sample]:
    """Whole examples, drawn by the seed, until there are at least so many samples; in the samples' order."""
    if max_samples is None or len(samples) <= max_samples:
        return list(samples)
    ids = list(dict.fromkeys(sample.example_id for sample in samples))
    random.Random(seed).shuffle(ids)
    taken: set[str] = set()
    count = 0
    for id in ids:
        if count >= max_samples:
            break
        taken.add(id)
        count += sum(sample.example_id == id for sample in samples)
    return [sample for sample in samples if sample.example_id in taken]


def known(
    context: StageContext, samples: Sequence[Sample], examples: Mapping[str, Example]
) -> tuple[Truths, dict[str, list[Answer]]]:
    """What is true of the samples, and the answers of the judge by analysis where it can be asked the same."""
    config = context.config
    rows = artifacts.read_database(context.inputs["data"])
    database = ApiDatabase(rows)
    completions = {sample.id: parse_completion(sample.text) for sample in samples}
    truths: Truths = {
        "ast_match": {
            sample.id: match_completion(completions[sample.id], examples[sample.example_id], database).correct
            for sample in samples
        }
    }
    others: dict[str, list[Answer]] = {}
    questions = load_questions(config.questions)
    can_analyse = bool(questions.questions) and all(one.analysis in ANALYSES for one in questions.questions)
    if not artifacts.executes(config):
        return truths, others
    with artifacts.open_executor(config, context.inputs["data"]) as executor:
        verdicts = executor.run([completions[sample.id].code for sample in samples])
        ran = {"pass": True, "fault": False, "unknown_api": False}
        truths["executability"] = {
            sample.id: ran.get(verdict.status) for sample, verdict in zip(samples, verdicts, strict=True)
        }
        if config.feedback.judge is not JudgeKind.static and can_analyse:
            static = build_static(config.feedback, questions, rows)
            strategy = StaticStrategy(static, questions, config.questions.min_valid or config.feedback.min_valid)
            others["static"] = strategy.judge(samples, examples, lambda requests: []).answers
    return truths, others


def flat(report: Mapping[str, Any]) -> dict[str, float | None]:
    """The figures of the whole, for metrics.json and a tracker."""
    found: dict[str, float | None] = {}
    for truth, part in report["truths"].items():
        figures = {**part["overall"]["figures"], "ordering": part["ordering"]}
        for name, estimate in figures.items():
            found[f"{truth}/{name}"] = estimate["value"]
            found[f"{truth}/{name}_low"], found[f"{truth}/{name}_high"] = estimate["low"], estimate["high"]
    return found
