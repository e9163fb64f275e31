"""Of every labelled prompt, the sample that the judge finds best: what strong SFT learns from."""

from __future__ import annotations

import dataclasses
from typing import Any

from rlaif.errors import UserError
from rlaif.feedback.best_of_n import best_of_n
from rlaif.pipeline import StageContext
from rlaif.records import write_records
from rlaif.stages import artifacts


def run(context: StageContext) -> dict[str, Any]:
    """Choose among the SFT policy's samples by the labels that the reward model's pairs are made of."""
    found = best_of_n(
        artifacts.read_samples(context.inputs["sample"]),
        artifacts.read_labels(context.inputs["label"]),
        artifacts.read_preferences(context.inputs["label"]),
    )
    if not found.chosen:
        raise UserError(
            f"best of n: none of {found.num_prompts} prompts has a sample to learn from "
            f"({found.num_unlabelled} samples without a readable score, {found.num_cut_off} cut off); "
            f"sample or label more, or strong_sft.enabled=false"
        )
    write_records(context.run.directory / artifacts.SAMPLES, found.chosen)
    counts = {name: value for name, value in dataclasses.asdict(found).items() if name != "chosen"}
    return {"num_chosen": len(found.chosen), **counts}
