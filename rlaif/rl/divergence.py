"""When a run has failed, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rlaif.errors import UserError
from rlaif.rl.config import PPOConfig
from rlaif.rl.functional import masked_mean
from rlaif.rl.rollout import Rollout


def require_near(rollout: Rollout, max_kl: float | None) -> None:
    """FloatingPointError where the policy has run away from its reference."""
    if rollout.ref_logprobs is None or max_kl is None:
        return
    kl = masked_mean(rollout.logprobs - rollout.ref_logprobs, rollout.action_mask).item()
    if not kl <= max_kl:
        raise FloatingPointError(f"the KL to the reference is {kl:.1f} nats a token (max_kl={max_kl})")


@contextmanager
def explained(rollout_index: int, config: PPOConfig, own_checkpoints: Sequence[str]) -> Iterator[None]:
    """A FloatingPointError inside is a UserError of one line: what went wrong when, what is left, and what to do."""
    try:
        yield
    except FloatingPointError as error:
        kept = "there is no checkpoint yet"
        if own_checkpoints and config.output_dir is not None:
            kept = f"the last checkpoint is kept in {Path(config.output_dir) / own_checkpoints[-1]}"
        raise UserError(
            f"PPO diverged in rollout {rollout_index + 1} of {config.num_rollouts}: {error}; {kept}; "
            "lower the learning rate or raise the KL coefficient"
        ) from None
