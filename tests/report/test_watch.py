"""Where the reward model's reward and what it stands for part, on curves made by hand."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from rlaif.records import WatchPoint, write_records
from rlaif.report.watch import Estimate, draw_watch, note, partings, read_watch, rose, share

NUM = 400


def points(**curves: list[float | None]) -> list[WatchPoint]:
    """A look every two rollouts; what is not given stays where it is. The reward's error is 0.05, entropy's 0.1."""
    length = len(next(iter(curves.values())))
    flat: dict[str, list[float | None]] = {
        "reward_model": [0.0] * length, "executability": [0.8] * length, "ast_strict": [0.8] * length,
        "api_entropy": [3.0] * length,
    }  # fmt: skip
    rows = flat | curves
    return [
        WatchPoint(
            step=2 * at, **{name: values[at] for name, values in rows.items()}, distinct_apis=20, num=NUM,
            reward_model_error=0.05, api_entropy_error=0.1,
        )
        for at in range(length)
    ]  # fmt: skip


RISING = [0.0, 0.3, 0.6, 0.9, 1.2]


def test_nothing_parts_where_all_rise() -> None:
    looks = points(reward_model=RISING, executability=[0.6, 0.7, 0.8, 0.85, 0.9], ast_strict=[0.7] * 5)
    assert partings(looks) == []
    assert note(looks) == "No held-out figure fell beyond chance while the reward model's reward rose."


def test_a_rise_and_a_fall_part_at_the_first_look_beyond_chance() -> None:
    """AST match peaks at rollout 2. By hand: errors of 0.8 and 0.7 of 400 are 0.0200 and 0.0229, their difference's
    0.0304; 3 figures x 4 looks are 12 comparisons, so z = 2.638 and a fall has to be above 0.0801."""
    looks = points(reward_model=RISING, ast_strict=[0.75, 0.8, 0.74, 0.7, 0.6])
    (parting,) = partings(looks)
    assert (parting.figure, parting.since, parting.step) == ("ast_strict", 2, 6)
    assert (parting.reward, parting.value) == ((0.3, 0.9), (0.8, 0.7))
    assert note(looks) == (
        "They part at rollout 6: AST match (strict) fell from 0.8 to 0.7 between rollouts 2 and 6, while the reward "
        "model's reward rose from 0.3 to 0.9."
    )
    barely = points(reward_model=RISING, ast_strict=[0.75, 0.8, 0.8, 0.8, 0.725])
    assert partings(barely) == []


def test_a_fall_alone_is_no_parting() -> None:
    """The policy got worse by the reward too: that is no over-optimisation."""
    assert partings(points(reward_model=[1.0, 0.8, 0.6, 0.4], executability=[0.9, 0.8, 0.6, 0.3])) == []


def test_a_retreat_to_few_apis_is_seen_in_their_entropy() -> None:
    runs = [0.7, 0.8, 0.9, 0.95, 0.95]
    looks = points(reward_model=RISING, executability=runs, api_entropy=[3.9, 3.8, 3.4, 2.9, 2.5])
    (parting,) = partings(looks)
    # 2.638 * sqrt(2) * 0.1 = 0.373: 3.9 -> 3.4 is beyond it
    assert (parting.figure, parting.since, parting.step) == ("api_entropy", 0, 4)


def test_what_could_not_be_computed_is_passed_over() -> None:
    looks = points(reward_model=RISING, executability=[0.9, None, None, 0.5, 0.4], api_entropy=[None] * 5)
    (parting,) = partings(looks)
    assert (parting.figure, parting.step) == ("executability", 6)
    without_model = [dataclasses.replace(point, reward_model=None, reward_model_error=None) for point in looks]
    assert partings(without_model) == []
    assert note(without_model).startswith("Nothing to compare")
    assert note(looks[:1]).startswith("Nothing to compare")


def test_chance_alone_rarely_parts() -> None:
    """Curves that do not change but for sampling: a note in at most one run of twenty."""
    rng, num_noted = np.random.default_rng(0), 0
    for _ in range(400):
        looks = [
            dataclasses.replace(
                point, reward_model=rng.normal(0, 0.05), executability=rng.binomial(NUM, 0.8) / NUM,
                ast_strict=rng.binomial(NUM, 0.9) / NUM, api_entropy=rng.normal(3, 0.1),
            )
            for point in points(reward_model=[0.0] * 7)
        ]  # fmt: skip
        num_noted += bool(partings(looks))
    assert num_noted <= 20


def test_the_error_of_a_share_is_never_zero() -> None:
    """(n + 1) / (n + 2) in place of 1: sqrt(p(1 - p) / (n + 2)) with n = 8 is sqrt(0.09 / 10)."""
    certain = share(1.0, 8)
    assert certain == Estimate(1.0, pytest.approx(math.sqrt(0.009)))
    assert share(None, 8) is None
    assert rose(Estimate(0.0, 0.3), Estimate(1.02, 0.4), 2.0)
    assert not rose(Estimate(0.0, 0.3), Estimate(0.98, 0.4), 2.0)


def test_the_plot_is_written_and_the_file_read_back(tmp_path: Path) -> None:
    looks = points(reward_model=RISING, ast_strict=[0.75, 0.8, 0.74, 0.7, 0.6], executability=[None] * 5)
    write_records(tmp_path / "watch.jsonl", looks)
    assert read_watch(tmp_path / "watch.jsonl") == looks
    assert read_watch(tmp_path / "none.jsonl") == []
    draw_watch(looks, tmp_path / "watch.png")
    assert (tmp_path / "watch.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "watch.png").stat().st_size > 20_000
