"""Supervised fine-tuning on the references, until the validation loss stops falling."""

from __future__ import annotations

from typing import Any

from rlaif.models.policy import build_policy, save_policy
from rlaif.models.supervised import train_supervised
from rlaif.pipeline import StageContext
from rlaif.stages import artifacts


def run(context: StageContext) -> dict[str, Any]:
    """Build the policy, train it, keep the best weights."""
    config, directory = context.config, context.run.directory
    train = artifacts.prompts_and_targets(artifacts.read_examples(context.inputs["data"], "train"))
    validation = artifacts.prompts_and_targets(artifacts.read_examples(context.inputs["data"], "validation"))

    policy = build_policy(config.policy, [prompt + target for prompt, target in train], config.seed)
    print(f"policy {config.policy.name}: {policy.describe()}", flush=True)
    result = train_supervised(
        policy, train, validation, config.policy,
        directory=directory / artifacts.CHECKPOINTS, seed=config.seed, on_log=context.log,
    )  # fmt: skip
    if context.is_main:
        save_policy(policy, directory / artifacts.POLICY)
        artifacts.remove_checkpoints(directory)
    return {
        "num_parameters": policy.num_parameters,
        "num_train": result.num_train,
        "num_validation": result.num_validation,
        "num_prompts_cut": result.num_prompts_cut,
        "num_targets_cut": result.num_targets_cut,
        **artifacts.fit_figures(result.fit),
    }
