"""What the evaluation of the references says at its end."""

from __future__ import annotations

from rlaif import compose
from rlaif.config import TrainConfig
from rlaif.stages.evaluate import about_references


def config(*overrides: str) -> TrainConfig:
    return compose.check_command_line(list(overrides))[0]


def test_rates_beside_the_pinned_ones() -> None:
    said = about_references(config("experiment=apibench_torchhub"), {"pass": 170, "fault": 10, "inconclusive": 6})
    assert said == "references in torchhub (tiny): strict 91.4%, conditional 94.4% of 186; pinned: strict 90.9%"


def test_a_fall_is_a_warning() -> None:
    said = about_references(config(), {"pass": 500, "fault": 52})
    assert "strict 90.6%" in said
    assert said.count("\nwarning: ") == 1


def test_other_references_have_nothing_pinned() -> None:
    assert about_references(config(), {"pass": 5, "fault": 5}).endswith("conditional 50.0% of 10")
    static = config("execution.level=static")
    assert about_references(static, {"pass": 1, "fault": 551}).startswith("references in stdlib (static): strict 0.2%")
    assert "pinned" not in about_references(static, {"pass": 1, "fault": 551})
    assert about_references(config(), {"inconclusive": 3}).endswith("strict 0.0% of 3")
