"""From completions to scores: reward functions with TRL's signature."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from rlaif.errors import UserError

PromptRow = Mapping[str, Any]
"""A prompt under "prompt", and columns that reward functions may want, such as "example_id"."""


class RewardFunction(Protocol):
    """Scores completions. None: no reward could be computed for that one."""

    def __call__(self, prompts: list[str], completions: list[str], **columns: list[Any]) -> Sequence[float | None]: ...


def score_completions(
    reward_funcs: Mapping[str, RewardFunction],
    weights: Mapping[str, float],
    rows: Sequence[PromptRow],
    completions: list[str],
) -> tuple[list[float | None], dict[str, list[float | None]]]:
    """The weighted sum of all rewards for each completion, and each function's own rewards.

    A sum is None where any of its rewards is None.

    Raises:
        UserError: a function that returns another number of rewards than there are
            completions, or one that is not finite.
    """
    prompts = [row["prompt"] for row in rows]
    columns = {name: [row[name] for row in rows] for name in rows[0] if name != "prompt"}
    by_function = {}
    for name, function in reward_funcs.items():
        rewards = list(function(prompts=prompts, completions=completions, **columns))
        if len(rewards) != len(completions):
            raise UserError(f"reward function {name}: {len(rewards)} rewards for {len(completions)} completions")
        for reward in rewards:
            if reward is not None and not math.isfinite(reward):
                raise UserError(f"reward function {name}: returned {reward}; None says that there is no reward")
        by_function[name] = rewards
    sums = [
        weighted_sum([weights[name] for name in by_function], rewards)
        for rewards in zip(*by_function.values(), strict=True)
    ]
    return sums, by_function


def weighted_sum(weights: Sequence[float], rewards: Sequence[float | None]) -> float | None:
    total = 0.0
    for weight, reward in zip(weights, rewards, strict=True):
        if reward is None:
            return None
        total += weight * float(reward)
    return total


def name_functions(reward_funcs: Sequence[RewardFunction]) -> dict[str, RewardFunction]:
    """Functions by the name under which they are logged; a repeated name gets its number."""
    named: dict[str, RewardFunction] = {}
    for number, function in enumerate(reward_funcs):
        name = getattr(function, "__name__", type(function).__name__)
        named[name if name not in named else f"{name}_{number}"] = function
    return named
