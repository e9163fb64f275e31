"""The whole pipeline on small data: once through, reused, shared by two jobs, and killed in every stage."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

STAGES = (
    "data", "evaluate_references", "sft", "evaluate_sft", "sample", "label", "calibrate", "pair", "reward", "ppo",
    "evaluate_rl", "best_of_n", "strong_sft", "evaluate_strong_sft", "table", "report",
)  # fmt: skip
KILLED_IN = ("sft", "evaluate_sft", "sample", "label", "reward", "ppo", "evaluate_rl")
RATES = ("per_second", "seconds")  # figures of the machine, not of the result


def command(runs_dir: Path, *overrides: str) -> list[str]:
    return [sys.executable, "-m", "rlaif.train", "experiment=smoke", f"runs_dir={runs_dir}", *overrides]


def run(runs_dir: Path, *overrides: str) -> str:
    result = subprocess.run(command(runs_dir, *overrides), capture_output=True, text=True, env=environment())
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("uninterrupted")
    run(directory)
    return directory


def only_run(runs_dir: Path, stage: str) -> Path:
    (found,) = [path for path in (runs_dir / stage).iterdir() if path.name != ".locks"]
    return found


def figures(directory: Path) -> dict[str, Any]:
    """A run's figures, less those of the machine."""
    metrics = json.loads((directory / "metrics.json").read_text())
    return {name: value for name, value in metrics.items() if not any(part in name for part in RATES)}


def test_every_stage_leaves_its_files(uninterrupted: Path) -> None:
    for stage in STAGES:
        directory = only_run(uninterrupted, stage)
        for name in ("DONE", "config.yaml", "provenance.json", "metrics.json"):
            assert (directory / name).exists(), f"{stage}/{name}"
    for stage in ("sft", "reward", "ppo"):
        steps = [json.loads(line)["step"] for line in (only_run(uninterrupted, stage) / "metrics.jsonl").open()]
        assert steps == sorted(steps) and steps


def test_the_table_has_its_rows_and_no_quiet_zero(uninterrupted: Path) -> None:
    with (only_run(uninterrupted, "table") / "table.csv").open() as file:
        rows = {row["row"]: row for row in csv.DictReader(file)}
    assert list(rows) == [
        "SFT", "SFT, best of n", "RLAIF (PPO)", "references", "RLAIF - SFT", "best of n - SFT", "RLAIF - best of n",
    ]  # fmt: skip
    assert float(rows["references"]["executability"]) == 1.0
    assert float(rows["references"]["ast_strict"]) == 1.0
    assert float(rows["SFT"]["num"]) == 24


def test_the_report_has_every_row_and_curve(uninterrupted: Path) -> None:
    directory = only_run(uninterrupted, "report")
    metrics = json.loads((directory / "metrics.json").read_text())
    assert (metrics["num_examples"], metrics["num_rows"], metrics["has_calibration"]) == (24, 4, True)
    page = (directory / "report.html").read_text()
    for said in ("RLAIF - SFT", "Accuracy on held-out pairs", "KL to the SFT policy", "Against executability"):
        assert said in page
    assert (directory / "shown" / "results.table.json").exists()


def test_w_and_b_has_an_offline_run(uninterrupted: Path) -> None:
    assert list((uninterrupted / "wandb").glob("offline-run-*/*.wandb"))


def test_a_second_run_reuses_everything(uninterrupted: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in uninterrupted.rglob("DONE")}
    start = time.monotonic()
    output = run(uninterrupted, "tracking=none", "name=other")
    assert time.monotonic() - start < 20
    assert output.count("reused") == len(STAGES)
    assert {path: path.stat().st_mtime_ns for path in uninterrupted.rglob("DONE")} == before


def test_another_ppo_shares_what_comes_before(uninterrupted: Path) -> None:
    """Two jobs of a sweep at the same time: SFT to reward model are there once, PPO twice."""
    jobs = [
        subprocess.Popen(
            command(uninterrupted, "tracking=none", "trainer.kl_coef=0.2", "trainer.num_rollouts=1", f"name=job{job}"),
            env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        for job in range(2)
    ]  # fmt: skip
    for job in jobs:
        _, errors = job.communicate(timeout=300)
        assert job.returncode == 0, errors[-3000:]
    made = {stage: len([p for p in (uninterrupted / stage).iterdir() if p.name != ".locks"]) for stage in STAGES}
    again = {"ppo", "evaluate_rl", "table", "report"}
    assert made == {stage: 2 if stage in again else 1 for stage in STAGES}


def test_killed_in_every_stage_it_ends_with_the_same_results(uninterrupted: Path, tmp_path: Path) -> None:
    reference = {stage: figures(first_run(uninterrupted, stage)) for stage in STAGES}
    for stage in KILLED_IN:
        kill_in(tmp_path, stage)
    run(tmp_path, "tracking=none")
    for stage in STAGES:
        assert figures(only_run(tmp_path, stage)) == reference[stage], stage
    for stage in ("sft", "reward", "ppo"):
        lines = (only_run(tmp_path, stage) / "metrics.jsonl").read_text().splitlines()
        steps = [json.loads(line)["step"] for line in lines]
        assert steps == sorted(steps)


def first_run(runs_dir: Path, stage: str) -> Path:
    """The run that was made first, where others have been added."""
    found = [path for path in (runs_dir / stage).iterdir() if path.name != ".locks"]
    return min(found, key=lambda path: (path / "DONE").stat().st_mtime_ns)


def kill_in(runs_dir: Path, stage: str) -> None:
    """Start the job, and kill it with -9 while the stage runs (or just after, if it is a quick one)."""
    process = subprocess.Popen(
        command(runs_dir, "tracking=none"),
        env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not list((runs_dir / stage).glob("*-*/provenance.json")) and process.poll() is None:
        assert time.monotonic() < deadline, f"{stage} did not begin"
        time.sleep(0.02)
    time.sleep(0.7)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
