"""The curve of what PPO learns: a run's history also has steps at which only held-out prompts were looked at."""

from __future__ import annotations

from experiments.ppo.learn import HELD_OUT, ROLLOUT, curve

HISTORY = [
    {"step": 0, HELD_OUT: 0.5},
    {"step": 1, ROLLOUT: 0.6, "ppo/k3_per_sequence": 0.0},
    {"step": 2, ROLLOUT: 0.7, "ppo/k3_per_sequence": 0.1, HELD_OUT: 0.8},
]


def test_each_curve_has_the_steps_that_logged_it() -> None:
    assert curve(HISTORY, ROLLOUT) == ([1, 2], [0.6, 0.7])
    assert curve(HISTORY, HELD_OUT) == ([0, 2], [0.5, 0.8])
