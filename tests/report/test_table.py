"""The table: the same figures in text, Markdown and CSV."""

from __future__ import annotations

import csv
import io

import pytest

from rlaif.metrics.statistics import Interval
from rlaif.metrics.summary import Summary
from rlaif.records import Evaluation, Example, Sample
from rlaif.report.samples import Written, side_by_side
from rlaif.report.table import (
    COLUMNS,
    Difference,
    Table,
    format_interval,
    note_line,
    render_csv,
    render_markdown,
    render_text,
)

SFT = Summary(186, 186, intervals={"ast_strict": Interval(0.389, 0.317, 0.457), "rouge_l": Interval(0.5, 0.48, 0.52)})
RL = Summary(186, 186, intervals={"ast_strict": Interval(0.4112, 0.3412, 0.4812)})
GAIN = Difference("RL - SFT", {"ast_strict": Interval(0.022, -0.011, 0.055)})
TABLE = Table({"SFT": SFT, "RL | PPO": RL}, None, note_line(372, 186, "T = 0.7", "torchhub"), [GAIN])


def test_cells_are_percentages_with_one_decimal() -> None:
    interval = Interval(0.849, 0.801, 0.903)
    assert format_interval(interval, "range") == "84.9 [80.1, 90.3]"
    assert format_interval(interval, "plus_minus") == "84.9 ±5.1"
    assert format_interval(interval, "none") == "84.9"
    assert format_interval(Interval(0.022, -0.011, 0.055), "range", signed=True) == "+2.2 [-1.1, +5.5]"
    assert format_interval(None, "range") == "-"


def test_text_is_aligned_with_the_references_last() -> None:
    lines = render_text(TABLE).splitlines()
    header, rule, sft, rl, references, blank, gain, _, note = lines
    assert header.split("  ")[-1] == "Exec. of judged"
    ends = [index for index, mark in enumerate(rule + " ") if mark == " " and rule[index - 1] == "-"]
    assert sft.startswith("SFT")
    assert sft[: ends[1]].endswith("38.9 [31.7, 45.7]")
    assert rl[: ends[1]].endswith("41.1 [34.1, 48.1]")
    assert references.split() == ["references", *["-"] * len(COLUMNS)]
    assert blank == ""
    assert gain[: ends[1]].endswith("+2.2 [-1.1, +5.5]")
    assert note == (
        "n = 372 completions of 186 examples; decoding: T = 0.7; environment: torchhub; "
        "intervals: 95% bootstrap over examples."
    )


def test_markdown_has_as_many_cells_in_every_row() -> None:
    lines = [line for line in render_markdown(TABLE, "plus_minus").splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 3 + 1
    assert {line.replace("\\|", "").count("|") for line in lines} == {len(COLUMNS) + 2}
    assert "| SFT | 38.9 ±7.0 | - |" in lines[2]
    assert lines[3].startswith("| RL \\| PPO |")


def test_csv_has_the_raw_numbers() -> None:
    rows = list(csv.DictReader(io.StringIO(render_csv(TABLE))))
    assert [row["row"] for row in rows] == ["SFT", "RL | PPO", "references", "RL - SFT"]
    assert float(rows[1]["ast_strict"]) == 0.4112
    assert (float(rows[1]["ast_strict_low"]), float(rows[1]["ast_strict_high"])) == (0.3412, 0.4812)
    assert rows[1]["rouge_l"] == ""
    assert rows[2]["num"] == ""
    assert float(rows[3]["ast_strict"]) == 0.022


@pytest.mark.parametrize("render", [render_text, render_markdown])
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
