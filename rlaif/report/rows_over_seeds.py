"""The table of evaluated policies: of one run, or with several seeds of the same job put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rlaif.metrics.seeds import compare_seeds, summarize_seeds
from rlaif.records import Evaluation
from rlaif.report.rows import ROW_NAMES
from rlaif.report.table import COLUMNS, Difference, Table, note_line

COMPARED = (("rl", "sft"), ("strong_sft", "sft"), ("rl", "strong_sft"))
"""The differences that are shown, where both rows are there."""

SHORT = {"sft": "SFT", "strong_sft": "best of n", "rl": "RLAIF"}

Evaluations = Mapping[str, Sequence[Sequence[Evaluation]]]
"""Row -> its evaluations, seed by seed; of rows without seeds (recorded answers, references) one list."""


def make_table(
    evaluations: Evaluations, *, decoding: str, environment: str, seed: int = 0, resamples: int = 2000,
    names: Mapping[str, str] = ROW_NAMES, all_rows: bool = False,
) -> Table:  # fmt: skip
    """A row for each policy of `names`, the references, and the differences in `COMPARED`.

    Rows that were not evaluated are left out, or with `all_rows` have dashes, as the references' row has.
    """
    resampling = {"seed": seed, "resamples": resamples}
    summaries = {row: summarize_seeds(found, **resampling) for row, found in evaluations.items()}
    rows = {name: summaries.get(row) for row, name in names.items() if all_rows or row in summaries}
    gains = []
    for better, than in COMPARED:
        if better in evaluations and than in evaluations:
            found = compare_seeds(evaluations[better], evaluations[than], tested=tuple(COLUMNS), **resampling)
            gains.append(Difference(f"{SHORT[better]} - {SHORT[than]}", found.intervals, found.tests))
    references = summaries.get("references")
    counted = [summary for summary in (*rows.values(), references) if summary]
    num_seeds = max((len(found) for found in evaluations.values()), default=1)
    note = note_line(
        max((summary.num for summary in counted), default=0),
        max((summary.num_examples for summary in counted), default=0),
        decoding, environment, num_seeds,
    )  # fmt: skip
    return Table(rows, references, note, gains)
