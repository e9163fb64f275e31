"""The over-optimisation watch: what held-out prompts' completions are worth while PPO raises its reward.

A reward model is a proxy. Pressed hard enough it keeps rising while what it stands for falls (Gao et al. 2022,
arXiv 2210.10760), or while the policy retreats to a few APIs that always run. So every few rollouts the policy answers
prompts of the validation split, and what is measured otherwise at the end only is measured beside the reward model's
own reward. Nothing of it reaches the training, and its randomness is its own.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from pathlib import Path

from rlaif.config import TrainConfig
from rlaif.data.prompt import format_prompt
from rlaif.data.split import draw
from rlaif.metrics.api_database import ApiDatabase
from rlaif.metrics.diversity import api_entropy, calls_of, distinct_apis
from rlaif.metrics.evaluate import Execute, evaluate_texts
from rlaif.metrics.summary import executability
from rlaif.models.generation import derive_seed, generate
from rlaif.models.policy import Policy, autocast
from rlaif.records import ApiRow, Evaluation, Example, RecordLog, Sample, WatchPoint, read_log, write_records
from rlaif.rewards import ModelReward

STREAM = 0x7A7C4
"""Keeps the watch's random numbers apart from those of other purposes with the same seed."""


class Watch:
    """Measures a policy on held-out prompts, one completion each, and keeps the points in a file.

    Args:
        policy: as it is being trained; it is not changed.
        held_out: examples that are not trained on; `trainer.watch.num_prompts` of them are drawn, always the same.
        execute: runs code; None where nothing is run, and executability is then None.
        reward_model: None where PPO's reward has none.
        path: of the points, one line each.
    """

    def __init__(
        self,
        config: TrainConfig,
        policy: Policy,
        held_out: Sequence[Example],
        database: Sequence[ApiRow],
        execute: Execute | None,
        reward_model: ModelReward | None,
        path: Path,
    ) -> None:
        drawn = draw(held_out, config.trainer.watch.num_prompts, config.data.split_seed, "watch")
        self.examples = [example for example in held_out if example.id in drawn]
        self.config, self.policy, self.path = config, policy, path
        self.database, self.execute, self.reward_model = ApiDatabase(database), execute, reward_model

    def is_due(self, step: int) -> bool:
        """At the first and the last rollout, and every few between."""
        every, last = self.config.trainer.watch.every, self.config.trainer.num_rollouts
        return every is not None and (step % every == 0 or step == last)

    def resume(self, step: int) -> None:
        """Forget the points after rollout `step`, from which PPO goes on; all, where it starts anew."""
        if not self.path.exists():
            return
        kept = [point for point in read_log(self.path, WatchPoint) if step > 0 and point.step <= step]
        write_records(self.path, kept)

    def look(self, step: int) -> WatchPoint:
        """Sample, score, run and compare; the point is on disk when this returns."""
        point = self.measure(step)
        with RecordLog(self.path) as log:
            log.append(point)
        return point

    def measure(self, step: int) -> WatchPoint:
        samples = self.sample(step)
        evaluations = evaluate_texts(
            samples, {example.id: example for example in self.examples}, self.database, self.execute
        )
        rewards: list[float | None] = []
        if self.reward_model is not None:
            prompts = [format_prompt(example.instruction) for example in self.examples]
            rewards = self.reward_model(prompts, [sample.text for sample in samples])
        return summarise(step, evaluations, [reward for reward in rewards if reward is not None])

    def sample(self, step: int) -> list[Sample]:
        """One completion of each example, of a seed that this rollout decides alone."""
        config, lengths = self.config, self.config.policy
        with autocast(lengths.precision, self.policy.model.device):
            made = generate(
                self.policy.model,
                self.policy.tokenizer,
                [format_prompt(example.instruction) for example in self.examples],
                max_new_tokens=lengths.max_new_tokens,
                temperature=config.trainer.watch.temperature,
                seed=derive_seed(config.seed, STREAM, step),
                max_prompt_tokens=lengths.max_prompt_tokens,
                batch_size=config.trainer.generation_batch_size,
            )
        return [
            Sample(f"{example.id}-watch-{step}", example.id, one.text, "rl", config.seed, one.finish_reason)
            for example, one in zip(self.examples, made, strict=True)
        ]


def summarise(step: int, evaluations: Sequence[Evaluation], rewards: Sequence[float]) -> WatchPoint:
    """The means of one look; entropies are in nats. A mean of nothing is None."""
    runs = [value for one in evaluations if (value := executability(one)) is not None]
    matches = [one.ast_strict for one in evaluations if one.ast_strict is not None]
    calls, examples = [calls_of(evaluations)], [one.example_id for one in evaluations]
    calls_something = any(one.api is not None for one in evaluations)
    entropy = api_entropy(calls, examples) if calls_something else None
    return WatchPoint(
        step=step,
        reward_model=mean(rewards),
        executability=mean(runs),
        ast_strict=mean(matches),
        distinct_apis=int(distinct_apis(calls, examples).mean),
        api_entropy=entropy.mean if entropy else None,
        num=len(evaluations),
        reward_model_error=statistics.stdev(rewards) / math.sqrt(len(rewards)) if len(rewards) > 1 else None,
        api_entropy_error=entropy.standard_error() if entropy else None,
    )


def mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
