"""Question sets and strategies side by side: what each judge is worth, costs, and makes of the policy; writes results/.

    .venv/bin/python -m experiments.prompt_ablation.run [OVERRIDES]

A Hydra multirun of `rlaif.train`. Overrides are the job's own; sweeps of `questions`, `feedback.pairs.rule` or anything
else take the default's place. With feedback=openai, local or replay every strategy is compared.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser

from experiments.prompt_ablation.figure import draw
from experiments.prompt_ablation.rows import Row, render_markdown, row_of
from experiments.results import launch, locate

RESULTS = Path(__file__).parent / "results"
STATIC_SETS = ("binary8", "binary8_equal", "binary_without_runs", "binary_without_task", "binary_code")
LLM_SETS = ("binary8", "binary8_together", "direct_score", "pairwise", "pairwise_cot", "claims")
RULES = ("margin", "best_worst")


def main() -> None:
    """Launch the sweep, then put its jobs into one table and one figure."""
    overrides = with_defaults(sys.argv[1:])
    launch("-m", *overrides)
    rows = []
    for job in jobs(overrides):
        runs = locate(*job)
        row = row_of(name_of(job, overrides), runs)
        rows.append((row, {stage: run.provenance for stage, run in runs.items()}))
    write(rows, overrides)


def with_defaults(given: Sequence[str]) -> list[str]:
    """The overrides with a sweep over questions and rules, where they name none themselves."""
    keys = {override.split("=")[0].lstrip("+") for override in given}
    has_model = any(one in given for one in ("feedback=openai", "feedback=local", "feedback=replay"))
    added = []
    if "questions" not in keys:
        added.append(f"questions={','.join(LLM_SETS if has_model else STATIC_SETS)}")
    if "feedback.pairs.rule" not in keys and not has_model:
        added.append(f"feedback.pairs.rule={','.join(RULES)}")
    return [*given, *added]


def jobs(overrides: Sequence[str]) -> list[list[str]]:
    """Every job of the sweep, as Hydra's own sweeper expands it."""
    choices = []
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        if override.is_sweep_override():
            key = override.get_key_element()
            choices.append([f"{key}={value}" for value in override.sweep_string_iterator()])
        else:
            choices.append([override.input_line or ""])
    return [list(job) for job in product(*choices)]


def name_of(job: Sequence[str], overrides: Sequence[str]) -> str:
    """The values in which the jobs differ."""
    return " / ".join(choice.split("=", 1)[1] for choice in job if choice not in overrides) or "the only job"


def write(rows: Sequence[tuple[Row, dict[str, object]]], overrides: Sequence[str]) -> None:
    """table.md, figure.png, and rows.json with where all of it came from."""
    RESULTS.mkdir(exist_ok=True)
    found = [row for row, _ in rows]
    told = [one for one in overrides if not one.startswith(("runs_dir=", "data.dir="))]
    table = render_markdown(found, told)
    (RESULTS / "table.md").write_text(table, encoding="utf-8")
    record = [{**row.as_json(), "provenance": provenance} for row, provenance in rows]
    (RESULTS / "rows.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    draw(found, RESULTS / "figure.png")
    print(table)


if __name__ == "__main__":
    main()
