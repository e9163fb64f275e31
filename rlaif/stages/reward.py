"""Train the reward model on the pairs, from the SFT policy's trunk."""

from __future__ import annotations

from typing import Any

from rlaif.data.prompt import format_prompt
from rlaif.models.policy import load_policy
from rlaif.models.reward_model import RewardModel
from rlaif.models.reward_training import train_reward_model
from rlaif.pipeline import StageContext
from rlaif.stages import artifacts


def run(context: StageContext) -> dict[str, Any]:
    """Train, centre on the references, report the accuracy on held-out pairs."""
    config, directory = context.config, context.run.directory
    train = artifacts.read_examples(context.inputs["data"], "train")
    pairs = artifacts.read_pairs(context.inputs["pair"])

    model = RewardModel.from_policy(
        load_policy(context.inputs["sft"].directory / artifacts.POLICY), config.reward.head,
        max_prompt_tokens=config.policy.max_prompt_tokens, max_new_tokens=config.policy.max_new_tokens,
        seed=config.seed,
    )  # fmt: skip
    result = train_reward_model(
        model, pairs, {example.id: format_prompt(example.instruction) for example in train},
        artifacts.prompts_and_targets(train), config.reward,
        directory=directory / artifacts.CHECKPOINTS, seed=config.seed, precision=config.policy.precision,
        on_log=context.log,
    )  # fmt: skip
    if context.is_main:
        model.save(directory / artifacts.REWARD_MODEL)
        artifacts.remove_checkpoints(directory)
    return {
        "pair_accuracy": result.pair_accuracy,
        "num_train_pairs": result.num_train_pairs,
        "num_validation_pairs": result.num_validation_pairs,
        "num_dropped_pairs": result.num_dropped_pairs,
        "shift": result.shift,
        **artifacts.fit_figures(result.fit),
    }
