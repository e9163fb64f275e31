"""Two gloo processes on the CPU give the single process's curve: with DDP, and with FSDP2."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

SCRIPT = Path(__file__).with_name("two_processes.py")
ROOT = Path(__file__).parents[2]
NO_MATTER = ("seconds", "per_second")


def launch(tmp_path: Path, name: str, *arguments: str, options: tuple[str, ...] = ()) -> dict[str, Any]:
    """What a run logged, started as a user would start it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "accelerate.commands.launch", "--main_process_port", str(port), *options]
    result = tmp_path / f"{name}.json"
    directory = str(tmp_path / name.partition(" ")[0])
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [*command, str(SCRIPT), str(result), directory, *arguments],
        env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(result.read_text())
    found["final"] = load_file(Path(directory) / "final" / "model.safetensors")
    return found


def compared(one: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in one.items() if not name.endswith(NO_MATTER)}


CONFIGS = ROOT / "experiments" / "ppo" / "accelerate"
DDP = ("--config_file", str(CONFIGS / "two_cpu_processes.yaml"))
FSDP2 = ("--config_file", str(CONFIGS / "two_cpu_processes_fsdp2.yaml"))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    found = launch(tmp_path_factory.mktemp("alone"), "alone", options=("--cpu", "--num_processes", "1"))
    assert found["num_processes"] == 1
    return found


@pytest.mark.slow
@pytest.mark.parametrize("options", [DDP, FSDP2], ids=["ddp", "fsdp2"])
def test_two_processes_give_the_curve_of_one(alone: dict[str, Any], tmp_path: Path, options: tuple[str, ...]) -> None:
    together = launch(tmp_path, "together", options=options)
    assert together["num_processes"] == 2
    for ours, theirs in zip(together["logged"], alone["logged"], strict=True):
        assert compared(ours) == pytest.approx(compared(theirs), abs=2e-4, rel=1e-3)
    for name, tensor in alone["final"].items():
        if name.endswith("c_attn.bias"):
            continue  # a key's bias has no gradient but rounding, which Adam scales up
        torch.testing.assert_close(together["final"][name], tensor, atol=1e-4, rtol=1e-3)

    resumed = launch(tmp_path, "together again", "resume", options=options)
    assert [one["step"] for one in resumed["logged"]] == [3, 4]
    for ours, theirs in zip(resumed["logged"], together["logged"][2:], strict=True):
        assert compared(ours) == compared(theirs)
