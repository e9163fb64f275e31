"""The command line as a user types it: quick answers, one-line errors."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from rlaif import compose


def rlaif(*arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rlaif.train", *arguments], capture_output=True, text=True, timeout=timeout
    )


@pytest.mark.parametrize("arguments", [("--help",), ("--cfg", "job"), ("trainer.kl_coff=1",), ("policy=gpt9",)])
def test_answers_at_once(arguments: tuple[str, ...]) -> None:
    def cpu_seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        rlaif(*arguments)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(cpu_seconds() for _ in range(3)) < 3  # torch alone would take longer; Hydra lists every option by itself


def test_composition_does_not_import_torch() -> None:
    script = (
        "import sys; import rlaif.train; from rlaif import compose; compose.check_command_line([]);"
        "print([name for name in ('torch', 'transformers', 'datasets', 'wandb') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_mistake_is_one_line_without_a_traceback() -> None:
    result = rlaif("trainer.kl_coff=1")
    assert result.returncode == 1
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stderr.startswith("error: trainer.kl_coff: no such key; did you mean kl_coef?")


def test_help_names_every_group() -> None:
    text = rlaif("--help").stdout
    for group in compose.GROUPS:
        assert f"{group}:" in text


def test_missing_data_is_one_line_that_says_how_to_get_them(tmp_path: object) -> None:
    result = rlaif("data=apibench_torchhub", "data.dir=/nowhere", f"runs_dir={tmp_path}", "tracking=none")
    assert result.returncode == 1
    assert "/nowhere" in result.stderr
    assert "Traceback" not in result.stderr


def test_dry_run_of_the_paper_counts_the_judge_calls() -> None:
    result = rlaif("experiment=paper", "dry_run=true")
    assert result.returncode == 0, result.stderr
    # (4,000 prompts x (4 samples + the reference) + 16 canaries x 3 texts) x 8 questions
    assert f"{160_000 + 16 * 3 * 8:,} calls to gpt-3.5-turbo" in result.stdout
    assert "ppo" in result.stdout


def test_a_judge_in_ppos_reward_is_in_the_forecast() -> None:
    result = rlaif("experiment=paper", "dry_run=true", "reward.terms.judge=1")
    # 200 rollouts x 256 completions x 8 questions more
    assert f"{160_000 + 16 * 3 * 8 + 200 * 256 * 8:,} calls to gpt-3.5-turbo" in result.stdout


@pytest.mark.parametrize("override", ["runs_dir={file}", "hydra.run.dir={file}/x"])
def test_where_nothing_can_be_written_is_one_line(tmp_path: Path, override: str) -> None:
    (tmp_path / "file").touch()
    result = rlaif("stage=data", "tracking=none", override.format(file=tmp_path / "file"))
    assert (result.returncode, len(result.stderr.splitlines())) == (1, 1)
    assert result.stderr.startswith("error: Not a directory: ")
