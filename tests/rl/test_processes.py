"""Two gloo processes on the CPU give the single process's curve: with DDP, and with FSDP2."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import cache
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
    (weights,) = (Path(directory) / "final").glob("*model.safetensors")
    found["final"] = load_file(weights)
    return found


def compared(one: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in one.items() if not name.endswith(NO_MATTER)}


CONFIGS = ROOT / "experiments" / "ppo" / "accelerate"
DDP = ("--config_file", str(CONFIGS / "two_cpu_processes.yaml"))
FSDP2 = ("--config_file", str(CONFIGS / "two_cpu_processes_fsdp2.yaml"))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, Any]]:
    """What one process logs, and its policy at the end."""

    @cache
    def run(*words: str) -> dict[str, Any]:
        found = launch(tmp_path_factory.mktemp("alone"), "alone", *words, options=("--cpu", "--num_processes", "1"))
        assert (found["num_processes"], found["share_of_weights"]) == (1, 1)
        return found

    return run


def require_same_curve(together: dict[str, Any], alone: dict[str, Any]) -> None:
    assert together["num_processes"] == 2
    for ours, theirs in zip(together["logged"], alone["logged"], strict=True):
        assert compared(ours) == pytest.approx(compared(theirs), abs=2e-4, rel=1e-3)
    assert set(together["final"]) == set(alone["final"])
    for name, tensor in alone["final"].items():
        if name.endswith("c_attn.bias"):
            continue  # a key's bias has no gradient but rounding, which Adam scales up
        torch.testing.assert_close(together["final"][name], tensor, atol=1e-4, rtol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "share", "words"), [(DDP, 1.0, ("leave",)), (FSDP2, 0.5, ())], ids=["ddp", "fsdp2"]
)
def test_two_processes_give_the_curve_of_one(
    alone: Callable[..., dict[str, Any]], tmp_path: Path, options: tuple[str, ...], share: float, words: tuple[str, ...]
) -> None:
    """They also end where gloo still has tensors to drop: DDP's reducer would wait, with Python's lock held, for a
    thread of gloo that waits for the lock."""
    together = launch(tmp_path, "together", options=options)
    assert together["share_of_weights"] == pytest.approx(share, abs=0.01)  # FSDP2 holds half of them in each process
    require_same_curve(together, alone())

    resumed = launch(tmp_path, "together again", "resume", *words, options=options)
    assert [one["step"] for one in resumed["logged"]] == [3, 4]
    for ours, theirs in zip(resumed["logged"], together["logged"][2:], strict=True):
        assert compared(ours) == compared(theirs)


@pytest.mark.slow
def test_adapters_and_a_critic_of_its_own_are_cut_in_two_as_well(
    alone: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    together = launch(tmp_path, "together", "adapters", options=FSDP2)
    assert together["share_of_weights"] == pytest.approx(0.5, abs=0.01)
    require_same_curve(together, alone("adapters"))


@pytest.mark.slow
@pytest.mark.parametrize(("options", "words"), [(DDP, ("unused",)), (FSDP2, ("unused",)), (DDP, ("experts",))])
def test_what_a_pass_does_not_use_keeps_nobody_waiting(
    alone: Callable[..., dict[str, Any]], tmp_path: Path, options: tuple[str, ...], words: tuple[str, ...]
) -> None:
    require_same_curve(launch(tmp_path, "together", *words, options=options), alone(*words))
