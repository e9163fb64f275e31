"""A failed job ends no other one: every launcher, every kind of end, and the sweepers that want a figure."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

from rlaif.errors import UserError
from rlaif.sweep import Failures, reason_of

SMALL = ("stage=data", "data.mini.train_per_api=2", "data.mini.eval_per_api=1", "tracking=none")
LAUNCHERS = {
    "basic": (),
    "basic, a job a batch": ("hydra.sweeper.max_batch_size=1",),
    "joblib": ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2"),
    "submitit_local": ("hydra/launcher=submitit_local",),
}


def rlaif(directory: Path, *arguments: str, script: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script] if script else [sys.executable, "-m", "rlaif.train"]
    return subprocess.run([*command, *arguments, f"runs_dir={directory}"], capture_output=True, text=True, timeout=300)


def finished(directory: Path) -> int:
    return len([*directory.glob("data/*/DONE")])


def told(stderr: str) -> list[str]:
    return [line for line in stderr.splitlines() if line.startswith("error: ")]


@pytest.mark.parametrize("launcher", LAUNCHERS.values(), ids=LAUNCHERS)
def test_a_sweep_of_four_with_one_that_fails_ends_three(tmp_path: Path, launcher: tuple[str, ...]) -> None:
    missing = tmp_path / "missing.jsonl"
    result = rlaif(
        tmp_path / "runs", "-m", "data.source=jsonl,mini", f"data.train_file={missing}", f"data.eval_file={missing}",
        "data.split_seed=0,1", *SMALL, *launcher,
    )  # fmt: skip
    assert result.returncode == 1, result.stderr
    assert finished(tmp_path / "runs") == 2  # of mini, one for each split seed
    lines = told(result.stderr)
    assert [line.split(" (")[0] for line in lines] == ["error: job 0", "error: job 1"]
    for seed, line in enumerate(lines):
        assert f"data.source=jsonl data.train_file={missing}" in line and f"data.split_seed={seed}" in line
        assert line.endswith(f"failed: data.train_file: no file {missing}")
    assert "Traceback" not in result.stderr
    assert not [*(tmp_path / "runs" / "jobs").glob(".failed-*")]


ENDS = """
import sys
from rlaif import train
from rlaif.errors import UserError
def run_job(config, composed):
    if config.seed == 1: raise UserError("PPO diverged: the KL is beyond max_kl")
    if config.seed == 2: raise ZeroDivisionError("a mistake of ours")
    if config.seed == 3: sys.exit(3)
    if config.seed == 4: sys.exit(0)
    if config.seed == 5: raise MemoryError
    if config.seed == 6: raise OSError(28, "No space left on device", "/full")
    if config.seed == 8: raise KeyboardInterrupt
    print("ran", config.seed, flush=True)
    return {}
train.run_job = run_job
train.main()
"""


def test_every_kind_of_end_lets_the_others_run(tmp_path: Path) -> None:
    result = rlaif(tmp_path, "-m", "seed=range(0,8)", script=ENDS)
    assert result.returncode == 1
    assert [line for line in result.stdout.splitlines() if line.startswith("ran")] == ["ran 0", "ran 7"]
    lines = told(result.stderr)
    assert [line.split(" failed: ")[0] for line in lines] == [
        f"error: job {number} (seed={number} runs_dir={tmp_path})" for number in (1, 2, 3, 5, 6)
    ]
    reasons = [line.split(" failed: ")[1] for line in lines]
    assert reasons[0] == "PPO diverged: the KL is beyond max_kl"
    assert reasons[1].startswith("ZeroDivisionError: a mistake of ours; the traceback is in ")
    assert "in run_job" in Path(reasons[1].rpartition(" ")[2]).read_text()
    assert reasons[2].startswith("exited with status 3")
    assert reasons[3].startswith("MemoryError")
    assert reasons[4] == "No space left on device: /full; what was finished is kept"


def test_a_sweep_without_failures_ends_with_status_0(tmp_path: Path) -> None:
    result = rlaif(tmp_path, "-m", "seed=0,7", script=ENDS)
    assert result.returncode == 0 and not told(result.stderr)


def test_ctrl_c_ends_the_sweep_and_tells_of_what_had_failed(tmp_path: Path) -> None:
    result = rlaif(tmp_path, "-m", "seed=1,8,7", script=ENDS)
    assert result.returncode == 130
    assert "ran 7" not in result.stdout
    assert "job 0 (seed=1" in result.stderr and result.stderr.strip().endswith("goes on from the last checkpoint")


def test_a_single_run_fails_as_before(tmp_path: Path) -> None:
    result = rlaif(tmp_path, "seed=1", script=ENDS)
    assert (result.returncode, result.stderr) == (1, "error: PPO diverged: the KL is beyond max_kl\n")
    assert "ZeroDivisionError: a mistake of ours" in rlaif(tmp_path, "seed=2", script=ENDS).stderr
    assert rlaif(tmp_path, "seed=3", script=ENDS).returncode == 3
    assert rlaif(tmp_path, "seed=4", script=ENDS).returncode == 0


OPTUNA = (
    "-m",
    "hydra/sweeper=optuna",
    "hydra.sweeper.n_jobs=1",
    "stage=data",
    "data.mini.eval_per_api=1",
    "tracking=none",
)


def test_optuna_is_given_the_figure_and_goes_on_after_a_failed_trial(tmp_path: Path) -> None:
    """Of three sizes the largest fails: the best of the others is found."""
    script = """
from rlaif import train
run_job = train.run_job
def fails(config, composed):
    if config.data.mini.train_per_api == 4: raise ZeroDivisionError
    return run_job(config, composed)
train.run_job = fails
train.main()
"""
    result = rlaif(
        tmp_path, *OPTUNA, "hydra/sweeper/sampler=grid", "hydra.sweeper.n_trials=3", "hydra.sweeper.direction=maximize",
        "data.mini.train_per_api=choice(3,4,2)", "objective=[data.num_train]", script=script,
    )  # fmt: skip
    assert finished(tmp_path) == 2, result.stderr
    (found,) = tmp_path.glob("jobs/*/optimization_results.yaml")
    assert "data.mini.train_per_api: 3" in found.read_text()
    assert result.returncode == 1 and [line for line in told(result.stderr) if "ZeroDivisionError" in line]


def test_a_sweeper_that_wants_a_figure_is_given_one_or_refused(tmp_path: Path) -> None:
    result = rlaif(tmp_path, *OPTUNA, "seed=choice(0,1)")
    assert result.returncode == 1 and told(result.stderr)[0].startswith("error: objective: ")
    result = rlaif(tmp_path, "objective=[sft.loss]", *SMALL)
    assert result.stderr == "error: objective: sft.loss is no STAGE.FIGURE of this run; its stages are data\n"
    result = rlaif(tmp_path, "objective=[data.nope]", *SMALL)
    assert "objective: data has no figure 'nope'" in result.stderr and "num_train" in result.stderr


def test_an_interval_needs_a_sweeper_that_knows_it(tmp_path: Path) -> None:
    result = rlaif(tmp_path, "-m", "trainer.kl_coef=interval(0.01,0.1)", *SMALL)
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert len(told(result.stderr)) == 1 and "INTERVAL_SWEEP" in result.stderr


def test_word_is_left_in_files_and_taken_once(tmp_path: Path) -> None:
    failures = Failures.below(str(tmp_path))
    assert failures.take() == [] and not failures.directory.exists()
    for number in (10, 2):
        failures.add(number, [f"seed={number}"], "why")
    assert json.loads((failures.directory / "2.json").read_text())["overrides"] == ["seed=2"]
    assert failures.take() == ["job 2 (seed=2) failed: why", "job 10 (seed=10) failed: why"]
    assert failures.take() == []


def test_reasons_are_one_line() -> None:
    assert reason_of(UserError("data.dir: not there")) == "data.dir: not there"
    assert reason_of(OSError(errno.ENOENT, "No such file", "x")) == "No such file: x; what was finished is kept"
    assert reason_of(RuntimeError("two\nlines")) == "RuntimeError: two lines"
