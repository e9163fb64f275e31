"""The terms of PPO's reward, as functions in TRL's form: f(prompts, completions, **columns) -> scores.

A term is added here and as a weight in `config.RewardTerms`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rlaif.config import Precision, TrainConfig
from rlaif.data.completion import ends_with_code, parse_completion
from rlaif.execution import Runner
from rlaif.feedback.build import JudgeSamples, open_feedback
from rlaif.feedback.injection import veto
from rlaif.models.reward_model import RewardModel
from rlaif.records import ApiRow, Example, FinishReason, Sample
from rlaif.rl.reward_funcs.rewards import RewardFunction


def build_rewards(
    config: TrainConfig,
    reward_model: Path | None,
    examples: Sequence[Example],
    database: Sequence[ApiRow],
    executor: Runner,
    stack: ExitStack,
) -> tuple[list[RewardFunction], list[float]]:
    """The terms with a weight above or below 0, and their weights. `stack` closes what they open."""
    terms = config.reward.terms
    functions: list[RewardFunction] = []
    weights: list[float] = []
    if terms.model:
        assert reward_model is not None, "the pipeline trains a reward model where terms.model is set"
        functions.append(ModelReward(RewardModel.load(reward_model), config.policy.precision))
        weights.append(terms.model)
    if terms.judge:
        judge = stack.enter_context(open_feedback(config, database, executor.run))
        functions.append(JudgeReward(_with_veto(judge, executor) if config.feedback.veto else judge, examples))
        weights.append(terms.judge)
    if terms.executability:
        functions.append(ExecutabilityReward(executor))
        weights.append(terms.executability)
    return functions, weights


def _with_veto(judge: JudgeSamples, executor: Runner) -> JudgeSamples:
    return lambda samples, examples: veto(judge(samples, examples), samples, executor.run)[0]


class ModelReward:
    """The reward model's centred reward."""

    __name__ = "model"

    def __init__(self, model: RewardModel, precision: Precision) -> None:
        self.model, self.precision = model, precision

    def __call__(self, prompts: list[str], completions: list[str], **columns: list[Any]) -> list[float | None]:
        return [*self.model.score(list(zip(prompts, completions, strict=True)), precision=self.precision)]


class JudgeReward:
    """The judge's score of a completion, as the strategy has it: S(t, o) or the direct score in [0, 1], or minus the
    rejected claims; None where too few answers could be read."""

    __name__ = "judge"
    overlap_batch_size = 16
    """Called while other completions are decoded; all that overlap share one thread, and so the executor."""

    def __init__(self, judge: JudgeSamples, examples: Sequence[Example]) -> None:
        self.judge = judge
        self.examples = {example.id: example for example in examples}

    def __call__(self, prompts: list[str], completions: list[str], **columns: list[Any]) -> list[float | None]:
        samples = [
            Sample(str(number), example_id, text, "rl", 0, reason)
            for number, (example_id, text, reason) in enumerate(
                zip(columns["example_id"], completions, finish_reasons(completions, columns), strict=True)
            )
        ]
        scores = {label.sample_id: label.score for label in self.judge(samples, self.examples).labels}
        return [scores[sample.id] for sample in samples]


class ExecutabilityReward:
    """1 where the code runs, 0 where the code is at fault or was cut off, None where the environment is at fault."""

    __name__ = "executability"
    overlap_batch_size = 16

    def __init__(self, executor: Runner) -> None:
        self.executor = executor

    def __call__(self, prompts: list[str], completions: list[str], **columns: list[Any]) -> list[float | None]:
        codes = [parse_completion(text).code for text in completions]
        whole = [
            reason == "stop" or not ends_with_code(text, code)
            for text, code, reason in zip(completions, codes, finish_reasons(completions, columns), strict=True)
        ]
        return [
            None if verdict.status == "inconclusive" else float(verdict.status == "pass" and is_whole)
            for verdict, is_whole in zip(self.executor.run(codes), whole, strict=True)
        ]


def finish_reasons(completions: Sequence[str], columns: Mapping[str, list[Any]]) -> Sequence[FinishReason]:
    """Of each completion; "stop" where nobody says."""
    return columns.get("finish_reason") or ["stop"] * len(completions)
