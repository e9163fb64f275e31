"""The report: one HTML file with the table, curves, failures, the judge's worth and the examples side by side."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlaif import runs
from rlaif.metrics.api_database import ApiDatabase
from rlaif.pipeline import StageContext
from rlaif.report.html import judge as judge_report
from rlaif.report.html.browser import Row, browser_data
from rlaif.report.html.curves import stage_curves
from rlaif.report.html.facts import StageRecord, run_facts
from rlaif.report.html.failures import Failures, count_failures
from rlaif.report.html.page import Report, render
from rlaif.report.html.results import ResultTable, read_results
from rlaif.report.html.watch import watch_figures
from rlaif.report.rows import ordered, row_name
from rlaif.report.watch import note, read_watch
from rlaif.runs import Run
from rlaif.stages import artifacts
from rlaif.tracking import SHOWN, Cell, table_file


def run(context: StageContext) -> dict[str, Any]:
    """Write report.html, and under shown/ the same figures and tables for the tracker."""
    directory = context.run.directory
    calibration = _calibration(context)
    report = gather(context, calibration)
    page = render(report)
    runs.write_atomic(directory / artifacts.REPORT, page)
    _leave_for_tracker(context, report, calibration)
    return {
        "num_examples": len(report.browser["examples"]),
        "num_rows": len(report.browser["rows"]),
        "num_curves": sum(len(stage.figures) + len(stage.more) for stage in report.curves),
        "has_calibration": report.judge is not None,
        "has_watch": bool(report.watch),
    }


def gather(context: StageContext, calibration: Mapping[str, Any] | None) -> Report:
    """Everything that the page shows, from the files of the stages before."""
    config, inputs = context.config, context.inputs
    rows = _rows(inputs)
    examples = artifacts.read_examples(inputs["data"], "eval")
    metrics = {stage: one.metrics for stage, one in inputs.items()}
    curves = [found for stage, one in inputs.items() if (found := stage_curves(stage, one.history()))]
    watched = read_watch(inputs["ppo"].directory / artifacts.WATCH) if "ppo" in inputs else []
    return Report(
        title=f"{config.name}, seed {config.seed}",
        facts=run_facts(config, metrics, context.run.provenance),
        table=read_results(inputs["table"].directory / "table.csv"),
        table_note=_note(inputs["table"].directory / "table.txt"),
        failures=count_failures({row.name: row.evaluations for row in rows}),
        browser=browser_data(examples, rows, ApiDatabase(artifacts.read_database(inputs["data"]))),
        curves=curves,
        judge=judge_report.describe_judge(calibration) if calibration else None,
        watch=watch_figures(watched),
        watch_note=note(watched) if watched else "",
        stages=[_record(one) for one in inputs.values()],
    )


def _rows(inputs: Mapping[str, Run]) -> list[Row]:
    """Every evaluation, the references first, so that a reader has the right answer before the others."""
    evaluated = {stage.removeprefix("evaluate_"): one for stage, one in inputs.items() if stage.startswith("evaluate_")}
    keys = ordered(list(evaluated))
    return [
        Row(key, row_name(key), artifacts.read_samples(evaluated[key]), artifacts.read_evaluations(evaluated[key]))
        for key in [*keys[-1:], *keys[:-1]]
    ]


def _calibration(context: StageContext) -> dict[str, Any] | None:
    if "calibrate" not in context.inputs:
        return None
    path = context.inputs["calibrate"].directory / "calibration.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _note(table: Path) -> str:
    """What stands under the printed table."""
    return table.read_text(encoding="utf-8").rstrip().rpartition("\n\n")[2]


def _record(run: Run) -> StageRecord:
    config = (run.directory / "config.yaml").read_text(encoding="utf-8")
    return StageRecord(run.stage, run.directory.name, run.provenance, config)


def _leave_for_tracker(context: StageContext, report: Report, calibration: Mapping[str, Any] | None) -> None:
    """Figures and tables as files; the tracker shows them now, and again where this report is reused."""
    shown = context.run.directory / SHOWN
    shown.mkdir(exist_ok=True)
    _write_tables(shown, report.table, report.failures)
    if report.failures.svg:
        runs.write_atomic(shown / "failures.svg", report.failures.svg)
    for number, figure in enumerate(report.watch, 1):
        runs.write_atomic(shown / f"watch_{number}.svg", figure.svg)
    if calibration and report.judge:
        runs.write_atomic(shown / "judge_figures.table.json", table_file(*judge_report.as_columns(calibration)))
        picture = context.inputs["calibrate"].directory / "calibration.png"
        if picture.exists():
            shutil.copyfile(picture, shown / "judge.png")


def _write_tables(shown: Path, results: ResultTable, failures: Failures) -> None:
    runs.write_atomic(shown / "results.table.json", table_file(*results.as_columns()))
    columns = ["verdict", "kind", *failures.rows]
    counts: list[list[Cell]] = [[*kind, *numbers] for kind, numbers in failures.counts.items()]
    runs.write_atomic(shown / "failure_counts.table.json", table_file(columns, counts))
