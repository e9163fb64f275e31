"""One rollout's rewards without a policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rlaif.rl.dataset import Prompt
from rlaif.rl.reward_funcs.rewards import Rewards
from rlaif.rl.reward_funcs.scores import Scores


def score(
    reward_funcs: Any,
    completions: Sequence[str] = ("a b", "c"),
    prompts: Sequence[Prompt] | None = None,
    state: Any = None,
    **options: Any,
) -> Scores:
    """One rollout, whose completions have a token for each word and the EOS, 0."""
    prompts = prompts or [Prompt(f"prompt {row}") for row in range(len(completions))]
    with Rewards(reward_funcs, **options) as rewards, rewards.begin(prompts, state) as round_:
        for row, completion in enumerate(completions):
            round_.add(row, completion, token_ids(completion))
        return round_.result()


def token_ids(completion: str) -> list[int]:
    return [*(len(word) for word in completion.split()), 0]


def lengths(completions: list[str], **kwargs: Any) -> list[float]:
    return [float(len(completion)) for completion in completions]
