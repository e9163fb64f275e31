"""Charts, curves, counts and the table's CSV: what is drawn is what was measured."""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree import ElementTree

import pytest

from rlaif.records import Evaluation, WatchPoint
from rlaif.report.html.chart import Series, line_chart, nice_ticks, reliability
from rlaif.report.html.curves import MAX_POINTS, stage_curves, thinned
from rlaif.report.html.failures import count_failures
from rlaif.report.html.judge import as_columns, describe_judge
from rlaif.report.html.results import read_results, shown
from rlaif.report.html.watch import watch_figures
from tests.report.html.made_up import calibration, evaluation

SVG = "{http://www.w3.org/2000/svg}"


def points_of(svg: str) -> list[list[tuple[float, float]]]:
    """Of every line of a chart, its points in the drawing."""
    lines = ElementTree.fromstring(svg).iter(f"{SVG}polyline")
    return [[(float(x), float(y)) for x, y in (p.split(",") for p in line.attrib["points"].split())] for line in lines]


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.76, 1.29), (-3, 4000), (1e-5, 3e-5), (0, 7e8)])
def test_ticks_are_round_few_and_inside(low: float, high: float) -> None:
    ticks = nice_ticks(low, high)
    assert 3 <= len(ticks) <= 8
    assert all(low - 1e-9 * high <= tick <= high * (1 + 1e-9) for tick in ticks)
    step = ticks[1] - ticks[0]
    assert round(step / 10 ** math.floor(math.log10(step) + 1e-9), 6) in (1, 2, 5)


def test_a_line_is_drawn_to_scale() -> None:
    ((first, middle, last),) = points_of(
        line_chart([Series("a", [(0, 0.0), (5, 0.25), (10, 1.0)])], x_label="step", label="a", y_range=(0, 1))
    )
    assert middle[0] == pytest.approx((first[0] + last[0]) / 2, abs=0.1)
    assert (first[1] - middle[1]) / (first[1] - last[1]) == pytest.approx(0.25, abs=0.01)


def test_a_secondary_series_has_a_scale_of_its_own() -> None:
    both = [Series("share", [(0, 0.0), (1, 1.0)]), Series("reward", [(0, -40.0), (1, 60.0)], secondary=True)]
    one, two = points_of(line_chart(both, x_label="step", label="a"))
    assert one == two


def test_a_constant_and_a_single_point_are_drawn() -> None:
    assert points_of(line_chart([Series("a", [(0, 1.0), (9, 1.0)])], x_label="", label=""))
    assert "circle" in line_chart([Series("a", [(3, 0.0)])], x_label="", label="")
    with pytest.raises(ValueError, match="nothing to draw"):
        line_chart([Series("a", [])], x_label="", label="")


def test_names_in_a_chart_are_escaped() -> None:
    svg = line_chart([Series("<b>", [(0, 1.0), (1, 2.0)])], x_label="</svg>", label='"><script>')
    assert "<script>" not in svg and svg.count("</svg>") == 1
    assert ElementTree.fromstring(svg).attrib["aria-label"] == '"><script>'


def test_a_diagrams_dots_lie_where_the_judge_was_right() -> None:
    root = ElementTree.fromstring(reliability([(0.5, 0.5, 10), (1, 0, 40)], label="", x_label="", y_label=""))
    half, wrong = root.iter(f"{SVG}circle")
    diagonal = next(line for line in root.iter(f"{SVG}line") if "stroke-dasharray" in line.attrib)
    middle = (float(diagonal.attrib["x1"]) + float(diagonal.attrib["x2"])) / 2
    assert float(half.attrib["cx"]) == pytest.approx(middle, abs=0.1)
    assert float(wrong.attrib["cy"]) == pytest.approx(float(diagonal.attrib["y1"]), abs=0.1)


def test_curves_leave_out_what_is_no_number() -> None:
    history = [{"step": n, "loss": float(n), "note": "x", "gap": None if n else 1.0, "bad": math.nan} for n in range(4)]
    found = stage_curves("sft", history)
    assert found is not None
    assert [one.title for one in found.figures] == ["Loss"]
    assert [one.title for one in found.more] == ["gap"]
    assert stage_curves("data", []) is None


def test_a_stage_without_named_charts_shows_all_of_its_own() -> None:
    found = stage_curves("other", [{"step": 1, "other/a": 1.0}, {"step": 2, "other/a": 2.0}])
    assert found is not None and [one.title for one in found.figures] == ["a"] and not found.more


def test_long_curves_become_means() -> None:
    points = [(float(n), float(n % 2)) for n in range(10 * MAX_POINTS)]
    short = thinned(points)
    assert len(short) == MAX_POINTS
    assert short[0] == (4.5, 0.5)
    found = stage_curves("sft", [{"step": x, "loss": y} for x, y in points])
    assert found is not None and found.figures[0].caption == "A point is the mean of 10 logged steps."


def test_failures_are_counted_by_row_and_kind() -> None:
    good, bad = evaluation("a", "a", True, False), evaluation("b", "b", False, True)
    off = Evaluation(**{**vars(good), "verdict": "inconclusive", "failure": "not_run"})
    found = count_failures({"SFT": [good, bad, bad], "RL": [good], "Gorilla": [off]})
    assert found.counts == {("pass", ""): [1, 1], ("fault", "attribute"): [2, 0]}
    assert (found.rows, found.totals, found.not_run) == (["SFT", "RL"], [3, 1], ["Gorilla"])
    assert found.svg is not None
    widths = [
        float(box.attrib["width"]) for box in ElementTree.fromstring(found.svg).iter(f"{SVG}rect")
    ]  # less the hairline
    assert (widths[1] + 1) / (widths[0] + 1) == pytest.approx(2, abs=0.01)
    assert count_failures({"Gorilla": [off]}).svg is None


def test_the_table_from_its_csv(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(
        "row,num,num_examples,hallucinated_strict,hallucinated_strict_low,hallucinated_strict_high,"
        "hallucinated_strict_p,distinct_apis,distinct_apis_low,distinct_apis_high,api_entropy,api_entropy_low,"
        "api_entropy_high,codebleu,codebleu_low,codebleu_high,seeds\n"
        "SFT,10,10,0.1,0.05,0.2,,77,,,3.517,3.4,3.6,,,,3\n"
        "RL - SFT,,,-0.05,-0.1,-0.01,0.0004,-4,,,0.1,-0.1,0.3,,,,\n",
        encoding="utf-8",
    )
    table = read_results(path)
    assert list(table.metrics) == ["hallucinated_strict", "distinct_apis", "api_entropy"]
    sft, gain = table.rows
    assert [cell.mean for cell in sft.cells] == ["10.0", "77", "3.52"]
    assert (gain.cells[0].mean, gain.cells[0].interval) == ("-5.0", "[-10.0, -1.0]")
    assert (gain.cells[0].p, gain.cells[0].sign) == ("p < 0.001", "better")
    assert gain.cells[1].mean == "-"  # no interval, so no difference is shown
    assert gain.cells[2].sign == ""
    columns, rows = table.as_columns()
    assert columns[0] == "row" and rows[0][3] == 0.1 and rows[1][1] is None
    assert shown(0.849, "executability") == "84.9"


def test_the_watch_draws_what_was_computed() -> None:
    assert watch_figures([]) == []
    looks = [WatchPoint(0, 0.1, 0.5, None, 3, None, 9), WatchPoint(5, 0.4, None, None, 2, None, 9)]
    shares, apis = watch_figures(looks)
    assert shares.legend == ["executability", "reward model (right axis)"]
    assert apis.legend == ["distinct APIs"]


def test_the_judges_figures() -> None:
    judge = describe_judge(calibration())
    (truth,) = judge.truths
    assert [one.name for one in truth.questions] == ["overall", "runs"]
    cells = dict(zip(judge.headings, truth.questions[0].cells, strict=True))
    assert (cells["kappa"].value, cells["AUROC"].interval) == ("-", "[0.700, 0.900]")
    assert truth.svg is not None and "9 twos" in truth.said
    columns, rows = as_columns(calibration())
    assert dict(zip(columns, rows[1], strict=True))["auroc_low"] == 0.7
