"""The table: the same figures in text, Markdown, LaTeX and CSV."""

from __future__ import annotations

import csv
import io

import pytest

from rlaif.metrics.seeds import PairedTests
from rlaif.metrics.statistics import Interval
from rlaif.metrics.summary import Summary
from rlaif.records import Evaluation, Example, Sample
from rlaif.report.rows_over_seeds import make_table
from rlaif.report.samples import Written, side_by_side
from rlaif.report.table import (
    COLUMNS,
    Difference,
    Table,
    format_interval,
    format_p_value,
    note_line,
    render_csv,
    render_latex,
    render_markdown,
    render_text,
)

SFT = Summary(186, 186, intervals={"ast_strict": Interval(0.389, 0.317, 0.457), "rouge_l": Interval(0.5, 0.48, 0.52)})
RL = Summary(186, 186, intervals={"ast_strict": Interval(0.4112, 0.3412, 0.4812)})
GAIN = Difference(
    "RL - SFT",
    {"ast_strict": Interval(0.022, -0.011, 0.055), "distinct_apis": Interval(-6, -9.5, -2.5)},
    {"ast_strict": PairedTests(0.21, 0.0004, None)},
)
TABLE = Table({"SFT": SFT, "RL | PPO": RL}, None, note_line(372, 186, "T = 0.7", "torchhub"), [GAIN])


def test_cells_are_percentages_with_one_decimal() -> None:
    interval = Interval(0.849, 0.801, 0.903)
    assert format_interval(interval, "range") == "84.9 [80.1, 90.3]"
    assert format_interval(interval, "plus_minus") == "84.9 ±5.1"
    assert format_interval(interval, "none") == "84.9"
    assert format_interval(Interval(0.022, -0.011, 0.055), "range", signed=True) == "+2.2 [-1.1, +5.5]"
    assert format_interval(None, "range") == "-"


def test_text_is_aligned_and_leaves_out_what_was_not_measured() -> None:
    lines = render_text(TABLE).splitlines()
    header, rule, sft, rl, references, blank, gain, *tests, _, first, second = lines
    assert header.split() == ["AST", "strict", "ROUGE-L"]
    ends = [index for index, mark in enumerate(rule + " ") if mark == " " and rule[index - 1] == "-"]
    assert sft.startswith("SFT")
    assert sft[: ends[1]].endswith("38.9 [31.7, 45.7]")
    assert rl[: ends[1]].endswith("41.1 [34.1, 48.1]")
    assert references.split() == ["references", "-", "-"]
    assert blank == ""
    assert gain[: ends[1]].endswith("+2.2 [-1.1, +5.5]")
    assert [line.split()[-2:] for line in tests] == [["0.210", "-"], ["<0.001", "-"]]
    assert f"{first} {second}" == (
        "n = 372 completions of 186 examples; decoding: T = 0.7; environment: torchhub; "
        "intervals: 95% bootstrap over examples (of APIs: jackknife)."
    )
    assert "of 186 examples with 3 seeds;" in note_line(558, 186, "greedy", "none", 3)


def test_markdown_has_as_many_cells_in_every_row() -> None:
    lines = [line for line in render_markdown(TABLE, "plus_minus").splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 3 + 1 + 2
    assert {line.replace("\\|", "").count("|") for line in lines} == {len(COLUMNS) + 2}
    assert "| SFT | - | 38.9 ±7.0 | - |" in lines[2]
    assert lines[3].startswith("| RL \\| PPO |")
    assert lines[5].endswith("| -6.0 ±3.5 |")  # a count, not a percentage


@pytest.mark.parametrize("style", ["plus_minus", "range", "none"])
def test_no_difference_without_its_interval(style: str) -> None:
    line = next(line for line in render_markdown(TABLE, style).splitlines() if line.startswith("| RL - SFT"))  # type: ignore[arg-type]
    assert line.count("±") + line.count("[") == 2


def test_latex_is_escaped_and_ruled() -> None:
    lines = render_latex(Table({"RL_1 & 50%": SFT}, None, "n = 1", [GAIN]), "plus_minus").splitlines()
    assert [line for line in lines if "rule" in line] == ["\\toprule", "\\midrule", "\\midrule", "\\bottomrule"]
    row = next(line for line in lines if line.startswith("RL\\_1 \\& 50\\% & -- & 38.9 $\\pm$7.0 & --"))
    assert row.endswith(" \\\\")
    assert any(line.startswith("\\quad p, Wasserstein & -- & $<$0.001 & --") for line in lines)
    rows = [line for line in lines if line.endswith("\\\\")]
    assert {line.replace("\\&", "").count("&") for line in rows} == {len(COLUMNS)}
    assert lines[2] == "\\begin{tabular}{lrrrrrrrr}"


def test_csv_has_the_raw_numbers() -> None:
    rows = list(csv.DictReader(io.StringIO(render_csv(TABLE))))
    assert [row["row"] for row in rows] == ["SFT", "RL | PPO", "references", "RL - SFT"]
    assert float(rows[1]["ast_strict"]) == 0.4112
    assert (float(rows[1]["ast_strict_low"]), float(rows[1]["ast_strict_high"])) == (0.3412, 0.4812)
    assert rows[1]["rouge_l"] == ""
    assert rows[2]["num"] == ""
    assert float(rows[3]["ast_strict"]) == 0.022
    assert (rows[3]["ast_strict_p"], rows[3]["ast_strict_p_combined"]) == ("0.21", "")


def test_p_values() -> None:
    assert [format_p_value(one) for one in (0.0321, 0.00099, None, 1.0)] == ["0.032", "<0.001", "-", "1.000"]


def test_seeds_are_put_together_and_compared() -> None:
    """Two seeds of three examples, and recorded answers without seeds; every column fits a terminal."""
    ids = ("a", "b", "c")
    right = [evaluation(id, id, True, False, "pass") for id in ids]
    wrong = [evaluation(id, id, False, True, "fault", "name") for id in ids]
    rows = {"responses": [wrong], "sft": [wrong, right], "strong_sft": [wrong, right], "rl": [right, right]}
    table = make_table({**rows, "references": [right]}, decoding="greedy", environment="stdlib", resamples=200)
    assert list(table.rows) == ["recorded answers", "SFT", "SFT, best of n", "RLAIF (PPO)"]
    assert [one.name for one in table.differences] == ["RLAIF - SFT", "best of n - SFT", "RLAIF - best of n"]
    sft, gain = table.rows["SFT"], table.differences[0]
    assert sft is not None and (sft.num, sft.mean("executability")) == (6, 0.5)
    assert gain.by_metric["executability"].mean == 0.5
    assert gain.tests["executability"].mean == 2 / 8
    assert max(map(len, render_text(table, "plus_minus").splitlines())) <= 120


@pytest.mark.parametrize("render", [render_text, render_markdown, render_latex])
def test_a_table_of_references_alone(render: object) -> None:
    text = render(Table({}, SFT, "note"))  # type: ignore[operator]
    assert "references" in text
    assert "38.9" in text


def evaluation(
    id: str, example_id: str, right: bool, unknown: bool, verdict: str, kind: str = "", message: str = ""
) -> Evaluation:
    return Evaluation(
        id, example_id, ast_gorilla=None, hallucinated_gorilla=None, ast_strict=right, hallucinated_strict=unknown,
        exact_call=False, rouge_l=0.1, codebleu=0.1, codebleu_ngram=0.1, codebleu_weighted_ngram=0.1,
        codebleu_syntax=0.1, codebleu_dataflow=None, api=None, verdict=verdict, failure=kind, message=message,
    )  # fmt: skip


def test_samples_stand_side_by_side() -> None:
    examples = [Example(id, f"do {id}", f"ref {id}", "f()", "d", "", "eval") for id in "ab"]
    sft = Written(
        [Sample("1", "a", "one", "sft", 0, "stop"), Sample("2", "a", "two", "sft", 1, "stop")],
        [evaluation("1", "a", False, True, "fault", "name", "no x")],
    )
    rl = Written(
        [Sample("3", "b", "three", "rl", 0, "stop")],
        [evaluation("3", "b", True, False, "pass")],
    )
    table = side_by_side(examples, {"SFT": sft, "RL": rl}, num_rows=2)
    assert table.columns == ["example", "instruction", "reference", "SFT", "SFT: verdict", "RL", "RL: verdict"]
    assert table.rows == [
        ["a", "do a", "ref a", "one", "fault (name): no x; unknown API", "", ""],
        ["b", "do b", "ref b", "", "", "three", "pass; right API"],
    ]
