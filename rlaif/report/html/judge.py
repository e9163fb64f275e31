"""What the judge is worth, from the calibration stage's report: figures by question, and what it says against truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rlaif.report.calibration import FIGURES, headline
from rlaif.report.html.chart import reliability
from rlaif.report.table import MISSING

HEADINGS = {"auroc": "AUROC", "brier": "Brier", "ece": "ECE"}

TRUTHS = {"ast_match": "AST match", "ast_strict": "AST match", "ast_gorilla": "AST match by Gorilla's rules"}


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95% interval as text."""

    value: str
    interval: str = ""


@dataclass(frozen=True)
class Question:
    name: str
    num: int
    num_invalid: int
    cells: Sequence[Estimate]


@dataclass(frozen=True)
class Truth:
    """The judge against one truth: executability, or the AST match."""

    name: str
    said: str
    questions: Sequence[Question]
    svg: str | None
    """None where the scores are no probabilities."""


@dataclass(frozen=True)
class Judge:
    headline: str
    notes: Sequence[str]
    headings: Sequence[str]
    truths: Sequence[Truth]


def describe_judge(report: Mapping[str, Any]) -> Judge:
    """The part of the page about the judge, from calibration.json."""
    truths = [_truth(name, part) for name, part in report["truths"].items()]
    return Judge(headline(report), _notes(report), [HEADINGS.get(one, one) for one in FIGURES], truths)


def as_columns(report: Mapping[str, Any]) -> tuple[list[str], list[list[str | float | None]]]:
    """Raw figures by truth and question, as a tracker's table takes them."""
    bounds = [f"{figure}{part}" for figure in FIGURES for part in ("", "_low", "_high")]
    rows: list[list[str | float | None]] = []
    for truth, part in report["truths"].items():
        for question, row in {"overall": part["overall"], **part["questions"]}.items():
            estimates = [row["figures"].get(figure) or {} for figure in FIGURES]
            figures = [one.get(kind) for one in estimates for kind in ("value", "low", "high")]
            rows.append([truth, question, row["num"], row["num_invalid"], *figures])
    return ["truth", "question", "num", "num_invalid", *bounds], rows


def _truth(name: str, part: Mapping[str, Any]) -> Truth:
    rows = {"overall": part["overall"], **part["questions"]}
    questions = [
        Question(question, row["num"], row["num_invalid"], [estimate(row["figures"].get(figure)) for figure in FIGURES])
        for question, row in rows.items()
    ]
    said = f"{part['num_true']} of {part['num_known']} are true; of {part['num_unknown']} it cannot be told."
    ordering = estimate(part["ordering"])
    if ordering.value == MISSING:
        said += " No two completions of an example differ in it, so nothing is said of the judge's order."
    else:
        said += (
            f" Of {part['num_compared']} twos of which one is true, the judge prefers it in a share of "
            f"{ordering.value} {ordering.interval} (a tie is a half)."
        )
    return Truth(TRUTHS.get(name, name.replace("_", " ")), said, questions, _diagram(name, part["overall"]["bins"]))


def _diagram(name: str, bins: Sequence[Mapping[str, Any]]) -> str | None:
    if not bins:
        return None
    points = [(one["mean_p"], one["share_true"], one["num"]) for one in bins]
    label = f"Reliability of the judge's score against {name}: " + ", ".join(
        f"says {said:.2f}, true {true:.2f} (n {num})" for said, true, num in points
    )
    return reliability(points, label=label, x_label="what the judge says", y_label="share that is true")


def _notes(report: Mapping[str, Any]) -> list[str]:
    notes = [
        f"{report['num_samples']} samples of {report['num_examples']} examples; intervals: 95% bootstrap. An invalid "
        "answer is left out of every figure but the coverage; it is never a no."
    ]
    if report["asks_execution"]:
        asked = ", ".join(report["asks_execution"])
        notes.append(f"Answered by running the code, so no evidence against executability: {asked}, and the score.")
    if report["bias"]:
        notes.append(f"Order bias: {report['bias']}.")
    if canaries := report.get("canaries"):
        notes.append(
            f"Canaries, useless code that tells the judge what to answer: "
            f"{canaries['num_through']} of {canaries['num']} got through."
        )
    return notes


def estimate(found: Mapping[str, float | None] | None) -> Estimate:
    """Three places; a dash where there is no figure."""
    if found is None or found["value"] is None:
        return Estimate(MISSING)
    if found["low"] is None or found["high"] is None:
        return Estimate(f"{found['value']:.3f}")
    return Estimate(f"{found['value']:.3f}", f"[{found['low']:.3f}, {found['high']:.3f}]")
