"""What the policies wrote, side by side: rows for a table that a person reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rlaif.records import Evaluation, Example, Sample


@dataclass(frozen=True)
class SampleTable:
    """Plain lists, as a tracker's table takes them."""

    columns: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Written:
    """One policy's samples and what came of them; an evaluation belongs to the sample of its id."""

    samples: Sequence[Sample]
    evaluations: Sequence[Evaluation]


def side_by_side(examples: Sequence[Example], policies: Mapping[str, Written], num_rows: int) -> SampleTable:
    """The first examples with the reference and each policy's first sample, its verdict behind it.

    A policy that has nothing for an example leaves its cells empty.
    """
    columns = ["example", "instruction", "reference"]
    for name in policies:
        columns += [name, f"{name}: verdict"]
    first = {name: _first_samples(written) for name, written in policies.items()}
    rows = []
    for example in examples[:num_rows]:
        row = [example.id, example.instruction, example.reference]
        for name in policies:
            row += first[name].get(example.id, ["", ""])
        rows.append(row)
    return SampleTable(columns, rows)


def _first_samples(written: Written) -> dict[str, list[str]]:
    """Example id -> [text, verdict]."""
    evaluations = {evaluation.sample_id: evaluation for evaluation in written.evaluations}
    found: dict[str, list[str]] = {}
    for sample in written.samples:
        evaluation = evaluations.get(sample.id)
        found.setdefault(sample.example_id, [sample.text, describe(evaluation) if evaluation else ""])
    return found


def describe(evaluation: Evaluation) -> str:
    """``pass; right API`` or ``fault (name): name 'x' is not defined; unknown API``."""
    verdict = evaluation.verdict + (f" ({evaluation.failure})" if evaluation.failure else "")
    if evaluation.message:
        verdict += f": {evaluation.message}"
    if evaluation.exact_call:
        return f"{verdict}; exact call"
    if evaluation.ast_strict:
        return f"{verdict}; right API"
    if evaluation.hallucinated_strict:
        return f"{verdict}; unknown API"
    return verdict if evaluation.ast_strict is None else f"{verdict}; other API"
