"""From finished runs to a committed results folder: tables, provenance, and means over seeds."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev

from hydra import compose as hydra_compose
from hydra import initialize_config_dir

from rlaif import compose, pipeline
from rlaif.forecast import input_digests
from rlaif.runs import Run, find

METRICS = ("ast_strict", "exact_call", "rouge_l", "codebleu", "executability")


def launch(*overrides: str) -> None:
    """Run the job as a user would; what is finished is reused."""
    subprocess.run([sys.executable, "-m", "rlaif.train", *overrides], check=True)


def locate(*overrides: str) -> dict[str, Run]:
    """Every stage's run of a finished job."""
    compose.register_schema()
    with initialize_config_dir(str(compose.config_dir()), version_base="1.3"):
        config = compose.to_config(hydra_compose("train", overrides=list(overrides)))
    steps = pipeline.plan(config, input_digests(config))
    return {
        step.stage.name: find(Path(config.runs_dir), step.stage.name, step.name, step.fingerprint) for step in steps
    }


def copy_results(runs: dict[str, Run], directory: Path) -> None:
    """The table in its forms, each stage's figures, and where all of it came from."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in ("table.txt", "table.md", "table.tex", "table.csv"):
        shutil.copy(runs["table"].directory / name, directory / name)
    stages = {
        stage: {"run": run.directory.name, "metrics": run.metrics, "provenance": run.provenance}
        for stage, run in runs.items()
    }
    (directory / "stages.json").write_text(json.dumps(stages, indent=1) + "\n", encoding="utf-8")


def seeds_table(by_seed: dict[int, dict[str, Run]]) -> str:
    """Markdown: each seed's SFT and RL figures, RL's gain, and the means with their standard deviation."""
    lines = ["| seed | row | " + " | ".join(METRICS) + " |", "|---|---|" + "---:|" * len(METRICS)]
    gains: dict[str, list[float]] = {metric: [] for metric in METRICS}
    for seed, runs in by_seed.items():
        sft, rl = runs["evaluate_sft"].metrics, runs["evaluate_rl"].metrics
        for metric in METRICS:
            gains[metric].append(rl[metric] - sft[metric])
        lines.append(row(f"{seed}", "SFT", [percent(sft[metric]) for metric in METRICS]))
        lines.append(row("", "RLAIF (PPO)", [percent(rl[metric]) for metric in METRICS]))
        lines.append(row("", "gain", [f"{100 * gains[metric][-1]:+.1f}" for metric in METRICS]))
    lines.append(row("mean", "gain", [spread(gains[metric]) for metric in METRICS]))
    references = next(iter(by_seed.values()))["evaluate_references"].metrics
    lines.append(row("", "references", [percent(references[metric]) for metric in METRICS]))
    return "\n".join(lines) + "\n"


def row(seed: str, name: str, cells: Sequence[str]) -> str:
    return f"| {seed} | {name} | " + " | ".join(cells) + " |"


def percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def spread(values: Sequence[float]) -> str:
    deviation = f" ±{100 * stdev(values):.1f}" if len(values) > 1 else ""
    return f"{100 * mean(values):+.1f}{deviation}"
