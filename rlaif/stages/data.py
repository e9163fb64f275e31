"""Read the source once and write what every other stage starts from."""

from __future__ import annotations

import dataclasses
from typing import Any

from rlaif.data.load import load_dataset
from rlaif.pipeline import StageContext
from rlaif.records import write_records
from rlaif.stages import artifacts


def run(context: StageContext) -> dict[str, Any]:
    """Load, say what was found (sizes, leakage, malformed records), write."""
    dataset = load_dataset(context.config.data)
    for line in dataset.describe():
        print(line, flush=True)
    directory = context.run.directory
    write_records(directory / artifacts.EXAMPLES, dataset.examples)
    write_records(directory / artifacts.DATABASE, dataset.database)
    write_records(directory / "problems.jsonl", dataset.problems)
    return {
        "num_train": len(dataset.train),
        "num_validation": len(dataset.validation),
        "num_eval": len(dataset.eval),
        "num_api_rows": len(dataset.database),
        "num_problems": len(dataset.problems),
        **dataclasses.asdict(dataset.leakage),
    }
