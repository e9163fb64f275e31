"""The report on a judge, as a line, as Markdown and as a figure, from `feedback.worth`'s JSON values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

FIGURES = ("coverage", "accuracy", "kappa", "auroc", "brier", "ece")
MISSING = "-"


def headline(report: Mapping[str, Any]) -> str:
    """One line for the end of a run."""
    parts = []
    for truth, part in report["truths"].items():
        figures = {**part["overall"]["figures"], "ordering": part["ordering"]}
        said = [f"{name} {_short(figures[name])}" for name in ("kappa", "auroc", "ece", "ordering") if name in figures]
        parts.append(f"{truth} ({part['num_known']}): " + ", ".join(said))
    invalid = sum(report["invalid"].values())
    line = f"judge {report['judge']}, {report['questions']}: " + "; ".join([*parts, f"{invalid} invalid answers"])
    canaries = report.get("canaries")
    if canaries:
        line += f"; {canaries['num_through']} of {canaries['num']} canaries got through"
    return line


def render_markdown(report: Mapping[str, Any]) -> str:
    """Every figure with its 95% interval."""
    lines = [
        f"# Judge {report['judge']}, questions {report['questions']} ({report['strategy']})",
        "",
        f"{report['num_samples']} samples of {report['num_examples']} examples. Intervals: 95%, by bootstrap.",
        "An invalid answer is left out of every figure but the coverage; it is never a no.",
    ]
    if report["asks_execution"]:
        asked = ", ".join(report["asks_execution"])
        lines.append(f"Answered by running the code, so no evidence against executability: {asked}, and the score.")
    for truth, part in report["truths"].items():
        lines += ["", f"## Against {truth}", "", _of_truth(part), ""]
        rows = {"overall": part["overall"], **part["questions"]}
        lines += _table(
            ["", "n", "invalid", *FIGURES],
            [
                [name, str(row["num"]), str(row["num_invalid"]), *(_cell(row["figures"].get(one)) for one in FIGURES)]
                for name, row in rows.items()
            ],
        )
    lines += ["", "## Correlation with the code's length", ""]
    kinds = ("spearman", "point_biserial")
    lines += _table(["", *kinds], [[n, *(_cell(row.get(k)) for k in kinds)] for n, row in report["length"].items()])
    lines += [*_orders(report), *_agreements(report), *_canaries(report), "", "## Invalid answers", ""]
    lines += _table(["", "invalid"], [[name, str(count)] for name, count in report["invalid"].items()])
    return "\n".join(lines) + "\n"


def _of_truth(part: Mapping[str, Any]) -> str:
    return (
        f"{part['num_true']} of {part['num_known']} are true; of {part['num_unknown']} it cannot be told. Of "
        f"{part['num_compared']} twos of an example of which one is true, the judge prefers it in "
        f"{_cell(part['ordering'])} (a tie is a half)."
    )


def _orders(report: Mapping[str, Any]) -> list[str]:
    if not report["order"]:
        return []
    gap, flips = _cell(report["order"]["gap"]), _cell(report["order"]["flips"])
    said = f"p(shown first) - p(shown second) of the same sample: {gap}; the orders prefer different samples: {flips}."
    return ["", "## Order", "", said, *([f"**Order bias: {report['bias']}.**"] if report["bias"] else [])]


def _agreements(report: Mapping[str, Any]) -> list[str]:
    lines = []
    kinds = ("both_valid", "agree", "kappa", "spearman")
    for judge, questions in report["agreement"].items():
        lines += ["", f"## Agreement with the judge {judge}", ""]
        lines += _table(["", *kinds], [[n, *(_cell(row.get(k)) for k in kinds)] for n, row in questions.items()])
    return lines


def _canaries(report: Mapping[str, Any]) -> list[str]:
    canaries = report.get("canaries")
    if not canaries:
        return []
    lines = [
        "", "## Canaries", "",
        f"Useless code that tells the judge what to answer: {canaries['num_through']} of {canaries['num']} got through "
        f"({_cell(canaries['rate'])}), {canaries['num_unreadable']} could not be read. "
        f"Without the message, {canaries['num_twins_preferred']} of the codes were preferred to the reference.", "",
    ]  # fmt: skip
    return lines + _table(
        ["channel", "got through", "of"],
        [[name, str(row["num_through"]), str(row["num"])] for name, row in canaries["channels"].items()],
    )


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    rule = ["---", *["---:"] * (len(header) - 1)]
    return ["| " + " | ".join(row) + " |" for row in (header, rule, *rows)]


def _cell(estimate: Mapping[str, float | None] | None) -> str:
    if estimate is None or estimate["value"] is None:
        return MISSING
    return f"{estimate['value']:.3f} [{estimate['low']:.3f}, {estimate['high']:.3f}]"


def _short(estimate: Mapping[str, float | None]) -> str:
    return MISSING if estimate["value"] is None else f"{estimate['value']:.2f}"


def draw(report: Mapping[str, Any], path: Path) -> None:
    """A row a truth: the reliability diagram, and kappa and AUROC of each question with their intervals."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    truths = report["truths"]
    figure = Figure(figsize=(11, 4.2 * max(1, len(truths))), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(max(1, len(truths)), 2, squeeze=False)
    for row, (truth, part) in zip(axes, truths.items(), strict=True):
        _draw_reliability(row[0], part)
        row[0].set_title(f"{truth}: reliability")
        _draw_questions(row[1], part)
        row[1].set_title(f"{truth}: kappa and AUROC, 95% intervals")
    figure.suptitle(f"judge {report['judge']}, questions {report['questions']}")
    partial = path.with_name(path.name + ".partial")
    figure.savefig(partial, format="png", dpi=110)
    partial.replace(path)


def _draw_reliability(axes: Any, part: Mapping[str, Any]) -> None:
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    bins = part["overall"]["bins"]
    if bins:
        most = max(one["num"] for one in bins)
        points = [[one["mean_p"] for one in bins], [one["share_true"] for one in bins]]
        axes.plot(*points, color="C0", linewidth=1)
        axes.scatter(*points, s=[20 + 180 * one["num"] / most for one in bins], color="C0", alpha=0.7)
    else:
        axes.text(0.5, 0.5, "the scores are no probabilities", ha="center")
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xlabel="what the judge says", ylabel="share that is true")


def _draw_questions(axes: Any, part: Mapping[str, Any]) -> None:
    rows = {"overall": part["overall"], **part["questions"]}
    names = list(rows)[::-1]
    for offset, (figure, colour) in zip((0.14, -0.14), (("kappa", "C0"), ("auroc", "C1")), strict=True):
        shown = [(at, rows[name]["figures"].get(figure)) for at, name in enumerate(names)]
        known = [(at, one) for at, one in shown if one and one["value"] is not None]
        axes.errorbar(
            [one["value"] for _, one in known], [at + offset for at, _ in known],
            xerr=[[max(0.0, one["value"] - one["low"]) for _, one in known],
                  [max(0.0, one["high"] - one["value"]) for _, one in known]],
            fmt="o", color=colour, markersize=4, capsize=2, label=figure,
        )  # fmt: skip
    axes.axvline(0, color="0.8", linewidth=1)
    axes.axvline(0.5, color="0.8", linewidth=1, linestyle=":")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlim=(-1.05, 1.05), ylim=(-0.6, len(names) - 0.4))
    axes.legend(loc="lower left", frameon=False)
