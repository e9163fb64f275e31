"""The table: every evaluated row beside the references, and RL's gain over SFT with its interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlaif import runs
from rlaif.config import Level, TrainConfig
from rlaif.metrics.evaluate import differences, summarize
from rlaif.pipeline import StageContext
from rlaif.records import Evaluation
from rlaif.report.rows import ROW_NAMES
from rlaif.report.samples import Written, side_by_side
from rlaif.report.table import Difference, Table, note_line, render_csv, render_markdown, render_text
from rlaif.stages import artifacts


def run(context: StageContext) -> dict[str, Any]:
    """Write table.txt, .md and .csv, and show samples side by side."""
    config, directory = context.config, context.run.directory
    evaluations = {
        stage.removeprefix("evaluate_"): artifacts.read_evaluations(run)
        for stage, run in context.inputs.items()
        if stage.startswith("evaluate_")
    }
    table = make_table(config, evaluations)
    runs.write_atomic(directory / "table.txt", render_text(table, "plus_minus"))
    runs.write_atomic(directory / "table.md", render_markdown(table))
    runs.write_atomic(directory / "table.csv", render_csv(table))
    _show_samples(context, evaluations)
    return {
        f"{row}/{metric}": interval.mean
        for row, summary in table.named_rows
        if summary
        for metric, interval in summary.intervals.items()
    }


def make_table(config: TrainConfig, evaluations: Mapping[str, list[Evaluation]]) -> Table:
    """A row for each policy, in the order of `ROW_NAMES`, and the references."""
    resampling = {"seed": config.seed, "resamples": config.evaluation.bootstrap_resamples}
    summaries = {row: summarize(found, **resampling) for row, found in evaluations.items()}
    rows = {name: summaries[row] for row, name in ROW_NAMES.items() if row in summaries}
    gains = []
    if "sft" in evaluations and "rl" in evaluations:
        gains = [Difference("RLAIF - SFT", differences(evaluations["rl"], evaluations["sft"], **resampling))]
    references = summaries["references"]
    num = max((summary.num for summary in rows.values()), default=references.num)
    note = note_line(num, references.num_examples, decoding(config), _environment(config))
    return Table(rows, references, note, gains)


def decoding(config: TrainConfig) -> str:
    evaluation = config.evaluation
    if evaluation.temperature == 0:
        return "greedy"
    nucleus = f", top_p {evaluation.top_p}" if evaluation.top_p < 1 else ""
    return f"temperature {evaluation.temperature}{nucleus}"


def _environment(config: TrainConfig) -> str:
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
