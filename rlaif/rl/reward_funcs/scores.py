"""What reward functions return, checked, and its weighted sum."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, Literal

from rlaif.errors import UserError

Reward = float | list[float] | None
"""One function's reward of one completion: of the whole, of each token, or none."""

MissingRewards = Literal["skip_function", "skip_sample"]


@dataclass(frozen=True)
class Scores:
    """The rewards of a rollout, in the order of its prompts."""

    totals: list[float | None]
    """The weighted sum over the functions, token rewards added up. None: no reward, leave the sample out."""
    token_rewards: list[list[float] | None]
    """ALL of a completion's reward, a number a token, where a function rewarded its tokens: what was given to the
    whole completion is at the last one. Adds up to the total. None: the total belongs to the last token."""
    by_function: dict[str, list[float | None]]
    """Without weights; a completion's token rewards are added up."""
    metrics: dict[str, float] = field(default_factory=dict)
    """What functions passed to `log_metric`: the mean over their calls."""
    extra_columns: dict[str, list[Any]] = field(default_factory=dict)
    """What functions passed to `log_extra`, for each completion (None where nothing was)."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Time spent in each function: the sum over its calls, of which async ones overlap."""


def read_rewards(returned: Any, completion_ids: Sequence[Sequence[int]]) -> list[Reward]:
    """A function's return value as rewards of these completions. UserError where it is not one for each."""
    if hasattr(returned, "tolist"):  # a tensor or an array
        is_column = getattr(returned, "ndim", 1) == 2 and returned.shape[1] == 1  # as a model's logits are
        returned = (returned[:, 0] if is_column else returned).tolist()
    if not isinstance(returned, Sequence) or isinstance(returned, str | bytes):
        raise UserError(f"returned {type(returned).__name__}, and should return a list with a reward a completion")
    if len(returned) != len(completion_ids):
        raise UserError(f"{len(returned)} rewards for {len(completion_ids)} completions")
    return [_read_reward(reward, len(ids)) for reward, ids in zip(returned, completion_ids, strict=True)]


def _read_reward(reward: Any, num_tokens: int) -> Reward:
    if hasattr(reward, "tolist"):
        reward = reward.tolist()
    if reward is None:
        return None
    if not isinstance(reward, list | tuple):
        return _read_number(reward)
    if len(reward) != num_tokens:
        raise UserError(
            f"{len(reward)} token rewards for a completion of {num_tokens} tokens: one for each of completion_ids, "
            "which holds the EOS"
        )
    return [_read_number(token_reward.tolist() if hasattr(token_reward, "tolist") else token_reward)
            for token_reward in reward]  # fmt: skip


def _read_number(reward: Any) -> float:
    if not isinstance(reward, Real):
        raise UserError(f"returned {reward!r} as a reward, which is not a number")
    if not math.isfinite(reward):
        raise UserError(f"returned {float(reward)}; None says that there is no reward")
    return float(reward)


def combine(
    rewards: Mapping[str, Sequence[Reward]],
    weights: Mapping[str, float],
    lengths: Sequence[int],
    missing: MissingRewards,
) -> Scores:
    """Every completion's weighted sum. `lengths`: tokens of each completion."""
    totals: list[float | None] = []
    token_rewards: list[list[float] | None] = []
    for row, length in enumerate(lengths):
        known = {name: reward for name in rewards if (reward := rewards[name][row]) is not None}
        for name, reward in known.items():
            require_in_range(name, reward, weights[name])
        left_out = not known or (missing == "skip_sample" and len(known) < len(rewards))
        tokens = None if left_out else _weighted_tokens(known, weights, length)
        token_rewards.append(tokens)
        if left_out:
            totals.append(None)
        else:
            totals.append(sum(weights[name] * _total(reward) for name, reward in known.items()))
    by_function = {
        name: [None if reward is None else _total(reward) for reward in of_one] for name, of_one in rewards.items()
    }
    return Scores(totals, token_rewards, by_function)


def require_in_range(name: str, reward: float | list[float], weight: float) -> None:
    """UserError for a number that PPO's fp32 cannot compute with."""
    largest = max(map(abs, reward), default=0.0) if isinstance(reward, list) else abs(reward)
    if not abs(weight) * largest <= LARGEST:
        raise UserError(
            f"reward function {name}: returned {largest:g}, which is too large to be squared in float32; scale it, or "
            f"lower its weight, to below {LARGEST:g}"
        )


LARGEST = 1e15
"""Squares of rewards are summed over a rollout's tokens."""


def _total(reward: float | list[float]) -> float:
    return sum(reward) if isinstance(reward, list) else reward


def _weighted_tokens(
    rewards: Mapping[str, float | list[float]], weights: Mapping[str, float], length: int
) -> list[float] | None:
    """The sum a token; None where no function rewards tokens."""
    if not any(isinstance(reward, list) for reward in rewards.values()):
        return None
    tokens = [0.0] * length
    for name, reward in rewards.items():
        if isinstance(reward, list):
            tokens = [token + weights[name] * own for token, own in zip(tokens, reward, strict=True)]
        elif tokens:
            tokens[-1] += weights[name] * reward
    return tokens
