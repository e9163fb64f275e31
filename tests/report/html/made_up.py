"""A small report for the tests: three rows, hostile text, and everything that a page can show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlaif import compose
from rlaif.metrics.api_database import ApiDatabase
from rlaif.records import ApiRow, Evaluation, Example, Sample, WatchPoint
from rlaif.report.html.browser import Row, browser_data
from rlaif.report.html.curves import stage_curves
from rlaif.report.html.facts import StageRecord, run_facts
from rlaif.report.html.failures import count_failures
from rlaif.report.html.judge import describe_judge
from rlaif.report.html.page import Report
from rlaif.report.html.results import read_results
from rlaif.report.html.watch import watch_figures

HOSTILE = "</script><script>window.hacked = 1</script><!--<script><img src=http://evil.example/x onerror='hacked=2'>"
CSV = """row,num,num_examples,ast_strict,ast_strict_low,ast_strict_high,executability,executability_low,\
executability_high
SFT,40,40,0.9,0.8,0.97,0.5,0.35,0.65
RLAIF (PPO),40,40,0.92,0.82,0.98,0.75,0.6,0.87
references,40,40,1,1,1,,,
RLAIF - SFT,,,0.02,-0.05,0.09,0.25,0.1,0.4
"""
DATABASE = ApiDatabase([ApiRow("json.loads(s)", "Text", "Python"), ApiRow("math.sqrt(x)", "Numbers", "Python")])
NUM_EXAMPLES = 40
PROVENANCE = {"commit": "0123456789abcdef", "python": "3.11.7", "versions": {"torch": "2.6"}, "started": None}


def examples() -> list[Example]:
    """Every fourth about text; number 3 asks with hostile text."""
    return [
        Example(
            f"e-{n:02}", HOSTILE if n == 3 else f"Take the root of {n}.", completion("math.sqrt", n), f"math.sqrt({n})",
            "Text" if n % 4 == 0 else "Numbers", "Python", "eval",
        )
        for n in range(NUM_EXAMPLES)
    ]  # fmt: skip


def completion(callee: str, n: int) -> str:
    return (
        f"<<<domain>>>: Numbers\n<<<api_call>>>: {callee}({n})\n<<<explanation>>>: Takes {HOSTILE}\n"
        f"<<<code>>>: import math\nx = {n}  # {HOSTILE}\nprint({callee}(x))"
    )


def row(key: str, name: str, passes: int) -> Row:
    """A row in which each of `passes` in four runs; the others fail in line 3, every second with an API of no row."""
    samples, evaluations = [], []
    for n in range(NUM_EXAMPLES):
        good = n % 4 < passes
        invented = not good and n % 2 == 1
        id = f"e-{n:02}-{key}"
        callee = "math.rooot" if invented else "math.sqrt"
        samples.append(Sample(id, f"e-{n:02}", completion(callee, n), key, 0, "stop"))
        evaluations.append(evaluation(id, f"e-{n:02}", good, invented))
    return Row(key, name, samples, evaluations)


def evaluation(sample_id: str, example_id: str, good: bool, invented: bool) -> Evaluation:
    return Evaluation(
        sample_id, example_id, ast_gorilla=None, hallucinated_gorilla=None, ast_strict=not invented,
        hallucinated_strict=invented, exact_call=not invented, rouge_l=0.5, codebleu=0.25, codebleu_ngram=None,
        codebleu_weighted_ngram=None, codebleu_syntax=None, codebleu_dataflow=None, api="math.sqrt",
        verdict="pass" if good else "fault", failure="" if good else "attribute" if invented else "value",
        message="" if good else f"AttributeError: {HOSTILE}", line=None if good else 3,
    )  # fmt: skip


def rows() -> list[Row]:
    return [row("references", "references", 4), row("sft", "SFT", 2), row("rl", "RLAIF (PPO)", 3)]


def calibration() -> dict[str, Any]:
    figure = {"value": 0.8, "low": 0.7, "high": 0.9}
    missing = {"value": None, "low": None, "high": None}
    figures = {name: figure for name in ("coverage", "accuracy", "auroc", "brier", "ece")} | {"kappa": missing}
    bins = [{"mean_p": 0.2, "share_true": 0.1, "num": 10}, {"mean_p": 0.9, "share_true": 0.8, "num": 30}]
    part = {"num": 40, "num_invalid": 2, "figures": figures, "bins": bins}
    truth = {
        "num_known": 40, "num_true": 20, "num_unknown": 1, "overall": part, "questions": {"runs": part},
        "num_compared": 9, "ordering": figure,
    }  # fmt: skip
    return {
        "judge": "static", "questions": "binary8 v1", "strategy": "binary", "num_samples": 40, "num_examples": 20,
        "invalid": {"runs": 2}, "asks_execution": ["runs"], "truths": {"executability": truth}, "bias": None,
        "canaries": None,
    }  # fmt: skip


def report(directory: Path) -> Report:
    """Everything filled in. `directory` gets the table's CSV."""
    path = directory / "table.csv"
    path.write_text(CSV, encoding="utf-8")
    written = rows()
    watched = [WatchPoint(n, float(n), 0.5, None, 9, None, 20) for n in range(5)]
    history = [{"step": n, "loss": 5 / (n + 1)} for n in range(20)]
    curves = stage_curves("sft", history)
    assert curves is not None
    return Report(
        title="made up, seed 0",
        facts=run_facts(compose.check_command_line([])[0], {"data": {"num_eval": NUM_EXAMPLES}}, PROVENANCE),
        table=read_results(path),
        table_note="n = 40",
        failures=count_failures({one.name: one.evaluations for one in written}),
        browser=browser_data(examples(), written, DATABASE),
        curves=[curves],
        judge=describe_judge(calibration()),
        watch=watch_figures(watched),
        stages=[StageRecord("sft", "x-0123", PROVENANCE, f"name: {HOSTILE}\n")],
    )


def bare_report(directory: Path) -> Report:
    """The least that a run has: recorded answers that were not run, and nothing trained."""
    path = directory / "table.csv"
    path.write_text("row,num,num_examples,rouge_l,rouge_l_low,rouge_l_high\nreferences,1,1,1,1,1\n", encoding="utf-8")
    not_run = evaluation("e-00-references", "e-00", True, False)
    off = [Evaluation(**{**vars(not_run), "verdict": "inconclusive", "failure": "not_run"})]
    references = Row("references", "references", row("references", "references", 4).samples[:1], off)
    return Report(
        title="bare, seed 0",
        facts=[],
        table=read_results(path),
        table_note="",
        failures=count_failures({"references": off}),
        browser=browser_data(examples()[:2], [references], DATABASE),
    )
