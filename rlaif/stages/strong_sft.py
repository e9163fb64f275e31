"""Strong SFT: the SFT policy, trained further on the best of n of its own samples and on the references.

The rival that RLAIF has to beat: the same judge, the same samples and the same labels, without a reward model
or PPO (rejection-sampling fine-tuning, arXiv 2308.01825). The references stay in: few prompts have labels, the
chosen samples are no better than what the policy can write, and without the references a small policy forgets how
they are written; a sample that repeats its reference adds nothing and is left out. Training goes on from
the SFT policy's weights with a lower rate; the validation loss, on references alone, decides which weights are kept.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from rlaif.config import PolicyConfig, StrongSftConfig
from rlaif.data.prompt import format_prompt
from rlaif.models.policy import load_policy, save_policy
from rlaif.models.supervised import train_supervised
from rlaif.pipeline import StageContext
from rlaif.records import Example, Sample
from rlaif.stages import artifacts


def run(context: StageContext) -> dict[str, Any]:
    """Train on chosen samples and references, keep the best weights."""
    config, directory = context.config, context.run.directory
    train = artifacts.read_examples(context.inputs["data"], "train")
    validation = artifacts.prompts_and_targets(artifacts.read_examples(context.inputs["data"], "validation"))
    references = artifacts.prompts_and_targets(train)
    chosen = texts_of(artifacts.read_samples(context.inputs["best_of_n"]), train)
    known = set(references)
    new = [text for text in chosen if text not in known]

    policy = load_policy(context.inputs["sft"].directory / artifacts.POLICY)
    result = train_supervised(
        policy, [*references, *new], validation, settings(config.policy, config.strong_sft),
        directory=directory / artifacts.CHECKPOINTS, seed=config.seed, on_log=context.log,
    )  # fmt: skip
    if context.is_main:
        save_policy(policy, directory / artifacts.POLICY)
        artifacts.remove_checkpoints(directory)
    return {
        "num_chosen": len(chosen),
        "num_like_reference": len(chosen) - len(new),
        "num_train": result.num_train,
        "num_validation": result.num_validation,
        **artifacts.fit_figures(result.fit),
    }


def texts_of(samples: list[Sample], examples: list[Example]) -> list[tuple[str, str]]:
    """(prompt, target) texts of the samples, as `artifacts.prompts_and_targets` gives those of references."""
    prompts = {example.id: format_prompt(example.instruction) for example in examples}
    return [(prompts[sample.example_id], sample.text) for sample in samples]


def settings(policy: PolicyConfig, strong: StrongSftConfig) -> PolicyConfig:
    """SFT's, with the rate lowered and epochs of its own."""
    sft = dataclasses.replace(
        policy.sft,
        learning_rate=policy.sft.learning_rate * strong.learning_rate_factor,
        max_epochs=strong.max_epochs,
    )
    return dataclasses.replace(policy, sft=sft)
