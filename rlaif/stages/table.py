"""The table: every evaluated row beside the references, and their differences with intervals and p-values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlaif import runs
from rlaif.config import Level, TrainConfig
from rlaif.pipeline import StageContext
from rlaif.records import Evaluation
from rlaif.report.rows import ROW_NAMES
from rlaif.report.rows_over_seeds import make_table
from rlaif.report.samples import Written, side_by_side
from rlaif.report.table import render_csv, render_latex, render_markdown, render_text
from rlaif.stages import artifacts


def run(context: StageContext) -> dict[str, Any]:
    """Write table.txt, .md, .tex and .csv, and show samples side by side."""
    config, directory = context.config, context.run.directory
    evaluations = {
        stage.removeprefix("evaluate_"): artifacts.read_evaluations(run)
        for stage, run in context.inputs.items()
        if stage.startswith("evaluate_")
    }
    table = make_table(
        {row: [found] for row, found in evaluations.items()},
        decoding=decoding(config), environment=environment(config),
        seed=config.seed, resamples=config.evaluation.bootstrap_resamples,
    )  # fmt: skip
    runs.write_atomic(directory / "table.txt", render_text(table, "plus_minus"))
    runs.write_atomic(directory / "table.md", render_markdown(table))
    runs.write_atomic(directory / "table.csv", render_csv(table))
    runs.write_atomic(directory / "table.tex", render_latex(table))
    _show_samples(context, evaluations)
    return {
        f"{row}/{metric}": interval.mean
        for row, summary in table.named_rows
        if summary
        for metric, interval in summary.intervals.items()
    }


def decoding(config: TrainConfig) -> str:
    """How completions were sampled, for the line under the table."""
    evaluation = config.evaluation
    if evaluation.temperature == 0:
        return "greedy"
    nucleus = f", top_p {evaluation.top_p}" if evaluation.top_p < 1 else ""
    return f"temperature {evaluation.temperature}{nucleus}"


def environment(config: TrainConfig) -> str:
    """Where code was run, for the line under the table."""
    name, level = config.execution.environment.name, config.execution.level
    return name if level is Level.tiny else f"{name} (level {level.value})"


def _show_samples(context: StageContext, evaluations: Mapping[str, list[Evaluation]]) -> None:
    written = {
        row: Written(artifacts.read_samples(context.inputs[f"evaluate_{row}"]), evaluations[row])
        for row in ROW_NAMES
        if row in evaluations
    }
    examples = artifacts.read_examples(context.inputs["data"], "eval")
    shown = side_by_side(examples, written, context.config.tracking.num_table_rows)
    context.tracker.table("samples", shown.columns, shown.rows)
