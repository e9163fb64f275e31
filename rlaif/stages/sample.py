"""Sample from the SFT policy what the judge is going to look at."""

from __future__ import annotations

from typing import Any

from rlaif.models.policy import load_policy
from rlaif.models.sampling import sample_to_file
from rlaif.pipeline import StageContext
from rlaif.stages import artifacts


def run(context: StageContext) -> dict[str, Any]:
    """`feedback.sampling.num_samples` completions of training examples."""
    config = context.config
    sampling = config.feedback.sampling
    examples = artifacts.read_examples(context.inputs["data"], "train")[: sampling.num_prompts]
    policy = load_policy(context.inputs["sft"].directory / artifacts.POLICY)
    samples = sample_to_file(
        policy, "sft", examples, context.run.directory / artifacts.SAMPLES,
        num_samples=sampling.num_samples, temperature=sampling.temperature, top_p=sampling.top_p,
        batch_size=sampling.batch_size, config=config.policy, seed=config.seed,
    )  # fmt: skip
    return {
        "num_examples": len(examples),
        "num_samples": len(samples),
        "eos_rate": sum(sample.finish_reason == "stop" for sample in samples) / len(samples),
    }
