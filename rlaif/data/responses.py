"""Gorilla's recorded answers, as samples of a policy named "responses".

Files: ShishirPatil/gorilla, eval/eval-data/responses. An answer belongs to the eval file's
row question_id - 1. A user's own recordings name the example instead: {"example_id", "text"}. An example_id may be a
number, as a record's id may. "finish_reason": "length" says that an answer was cut off.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from rlaif.data.lines import BadRow, Row, id_field, read_rows
from rlaif.data.normalise import without_half_surrogates
from rlaif.errors import UserError
from rlaif.records import Example, FinishReason, Sample

logger = logging.getLogger(__name__)


def load_responses(path: Path, examples: Sequence[Example]) -> list[Sample]:
    """One sample for every answer to one of the examples; of two answers to one, the first.

    The text stays as recorded, escapes and all: `parse_completion` reads it. Lines that are
    no answers are left out with a warning; an example may stay without an answer. Raises
    UserError where no answer belongs to any of the examples.
    """
    ids: dict[int | str, str] = {example.id: example.id for example in examples}
    ids |= {row: example.id for example in examples if (row := _eval_row(example.id)) is not None}
    answers, problems = read_rows(path, _read_answer)
    for problem in problems:
        logger.warning("%s", problem)
    first_answers = {key: (text, reason) for key, text, reason in reversed(answers)}
    samples = [
        Sample(f"{ids[key]}-responses-0", ids[key], text, policy="responses", seed=0, finish_reason=reason)
        for key, (text, reason) in reversed(first_answers.items())
        if key in ids
    ]
    if not samples:
        raise UserError(f"{path}: none of its {len(answers)} answers belongs to one of the {len(examples)} examples")
    return samples


def _eval_row(example_id: str) -> int | None:
    """7 for torchhub-eval-0007; None for an id that names no row of an eval file."""
    stem, _, index = example_id.rpartition("-")
    return int(index) if stem.endswith("-eval") and index.isdecimal() else None


def _read_answer(_: int, row: Row) -> tuple[int | str, str, FinishReason]:
    """(the eval row's index or the example's id, the answer, why it ended)."""
    question_id, text = row.get("question_id"), row.get("text")
    if not isinstance(text, str):
        raise BadRow("no text, or text is no text")
    reason: FinishReason = "length" if row.get("finish_reason") in ("length", "max_tokens") else "stop"
    example_id = id_field(row, "example_id")
    if example_id:
        return example_id, without_half_surrogates(text), reason
    if isinstance(question_id, int) and not isinstance(question_id, bool):
        return question_id - 1, without_half_surrogates(text), reason
    raise BadRow("neither question_id, a number, nor example_id, a text")
