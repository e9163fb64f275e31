"""The ablation's sweep is the one that Hydra makes, and its table says what was not measured."""

from __future__ import annotations

from pathlib import Path

from experiments.prompt_ablation.figure import draw
from experiments.prompt_ablation.rows import Row, cell, render_markdown
from experiments.prompt_ablation.run import jobs, name_of, with_defaults
from rlaif.feedback.calibration import Estimate

UNKNOWN = Estimate(None, None, None)


def test_sweep_of_the_static_judge() -> None:
    overrides = with_defaults(["seed=3"])
    found = jobs(overrides)
    assert len(found) == 5 * 2
    assert all(job[0] == "seed=3" for job in found)
    assert name_of(found[0], overrides) == "binary8 / margin"
    assert len({tuple(job) for job in found}) == 10


def test_sweep_of_a_model_compares_strategies() -> None:
    names = [name_of(job, with_defaults(["feedback=local"])) for job in jobs(with_defaults(["feedback=local"]))]
    assert names == ["binary8", "binary8_together", "direct_score", "pairwise", "pairwise_cot", "claims"]


def test_own_sweep_takes_the_defaults_place() -> None:
    overrides = with_defaults(["questions=binary8,binary_code", "feedback.pairs.rule=all", "seed=0,1"])
    assert [name_of(job, overrides) for job in jobs(overrides)] == [
        "binary8 / 0", "binary8 / 1", "binary_code / 0", "binary_code / 1",
    ]  # fmt: skip


def test_table_and_figure_of_what_was_and_was_not_measured(tmp_path: Path) -> None:
    known = Estimate(0.5, 0.4, 0.6)
    rows = [
        Row("binary8", {"kappa": known, "ordering": known}, "1/16", 1234, 56_789, 0.25, 9, 0.875, known, known, known),
        Row("pairwise", {"kappa": UNKNOWN, "ordering": known}, "-", 0, 0, 0.0, 7, None, UNKNOWN, known, UNKNOWN),
    ]
    table = render_markdown(rows, ["seed=3"])
    first, second = table.splitlines()[2:4]
    assert "0.500 [0.400, 0.600]" in first and "1,234" in first and "0.875" in first and "1/16" in first
    assert second.split(" | ")[2] == "-"  # kappa: not measured is a dash, not a zero
    assert second.split(" | ")[11:13] == ["-", "-"]
    assert cell(None) == cell(UNKNOWN) == "-"
    draw(rows, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
