"""From the finished runs of table 1 to its tables and where they came from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from experiments.commit import commit
from rlaif.records import Evaluation
from rlaif.report.rows import ROW_NAMES
from rlaif.report.rows_over_seeds import make_table
from rlaif.report.table import Table, render_csv, render_latex, render_markdown
from rlaif.runs import Run
from rlaif.stages import artifacts

HUB_NAMES = {"torchhub": "Torch Hub", "tensorflow": "TensorFlow Hub", "huggingface": "Hugging Face"}
ENVIRONMENTS = {"torchhub": "torchhub", "tensorflow": "tf2023", "huggingface": "hf2023"}
NAMES = {**ROW_NAMES, "responses": "Gorilla-7B (recorded)"}
WITHOUT_SEED = ("responses", "references")
"""Rows that every seed shares: one list of evaluations, not one a seed."""
Rows = dict[str, list[list[Evaluation]]]


def write_results(found: Mapping[str, Sequence[Mapping[str, Run]]], directory: Path) -> None:
    """`found`: by hub, each seed's runs by stage. One table a hub and a pooled one, table1.md and provenance.json."""
    directory.mkdir(parents=True, exist_ok=True)
    by_hub = {hub: rows_of(seeds) for hub, seeds in found.items()}
    tables = {
        HUB_NAMES[hub]: write_table(rows, decoding_of(found[hub]), ENVIRONMENTS[hub], directory / hub)
        for hub, rows in by_hub.items()
    }
    if len(by_hub) > 1:
        environments = ", ".join(ENVIRONMENTS[hub] for hub in by_hub)
        decoding = " / ".join(dict.fromkeys(decoding_of(seeds) for seeds in found.values()))
        pooled = write_table(pool(list(by_hub.values())), decoding, environments, directory / "pooled")
        tables[f"{len(by_hub)} hubs pooled, every record weighing the same"] = pooled
    page = [
        f"## {name}\n\n{describe(found, name)}{render_markdown(table, 'plus_minus')}" for name, table in tables.items()
    ]
    (directory / "table1.md").write_text("\n".join(["# Table 1\n", *page]), encoding="utf-8")
    record = {
        "commit_of_tables": commit(),
        "versions": next(iter(found.values()))[0]["data"].provenance["versions"],
        "runs": {hub: [stages_of(runs) for runs in seeds] for hub, seeds in found.items()},
    }
    (directory / "provenance.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def rows_of(seeds: Sequence[Mapping[str, Run]]) -> Rows:
    """Row -> its evaluations, seed by seed."""
    rows: Rows = {}
    for row in (*NAMES, "references"):
        runs = [by_stage[f"evaluate_{row}"] for by_stage in seeds if f"evaluate_{row}" in by_stage]
        if runs:
            shared = row in WITHOUT_SEED
            rows[row] = [artifacts.read_evaluations(run) for run in (runs[:1] if shared else runs)]
    return rows


def pool(hubs: Sequence[Rows]) -> Rows:
    """Every hub's examples in one collection, seed by seed; rows that a hub lacks are left out of all."""
    shared = [row for row in hubs[0] if all(row in rows for rows in hubs)]
    return {
        row: [[one for part in parts for one in part] for parts in zip(*(rows[row] for rows in hubs), strict=True)]
        for row in shared
    }


def write_table(rows: Rows, decoding: str, environment: str, path: Path) -> Table:
    """`path` with .md, .tex and .csv; a row that was not evaluated has dashes."""
    table = make_table(rows, decoding=decoding, environment=environment, names=NAMES, all_rows=True)
    for suffix, render in (("md", render_markdown), ("tex", render_latex), ("csv", render_csv)):
        path.with_suffix(f".{suffix}").write_text(render(table), encoding="utf-8")
    return table


def decoding_of(seeds: Sequence[Mapping[str, Run]]) -> str:
    """How the policies' completions were sampled, from the config that they were made with."""
    made = OmegaConf.load(seeds[0]["evaluate_sft"].directory / "config.yaml")
    return f"temperature {OmegaConf.select(made, 'reads.evaluation.temperature')} (Gorilla-7B: as recorded)"


def describe(found: Mapping[str, Sequence[Mapping[str, Run]]], name: str) -> str:
    """A line on the hub's data and policy; empty for the pooled table."""
    for hub, seeds in found.items():
        if HUB_NAMES[hub] == name:
            data, sft = seeds[0]["data"].metrics, seeds[0]["sft"].metrics
            sizes = ", ".join(f"{data[key]} {split}" for key, split in SPLITS.items() if key in data)
            return f"{sizes}; policies of {sft['num_parameters'] / 1e6:.2f} million parameters from scratch.\n\n"
    return ""


SPLITS = {"num_train": "training records", "num_validation": "validation records", "num_eval": "eval records"}


def stages_of(runs: Mapping[str, Run]) -> dict[str, dict[str, Any]]:
    """Every stage's run: its address, the commit it was made with, its inputs, how long it took."""
    found = {}
    for stage, run in runs.items():
        provenance = run.provenance
        started, finished = (datetime.fromisoformat(str(provenance[key])) for key in ("started", "finished"))
        found[stage] = {
            "run": run.directory.name,
            "commit": provenance["commit"],
            "input_digest": provenance["input_digest"],
            "minutes": round((finished - started).total_seconds() / 60, 2),
        }
    return found
