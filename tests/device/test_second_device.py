"""The pipeline on a device that is not the CPU: fakegpu's, in CPU memory, on which mixing devices is an error."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import torch
from filelock import FileLock

ROOT = Path(__file__).resolve().parents[2]
FILES = ("fgpu.py", "fgpu.cpp")
SMOKE = ("experiment=smoke", "tracking=none", "policy.precision=fp32", "trainer.watch.every=1")
CALLS_A_MODEL = {"sft", "sample", "evaluate", "reward", "ppo", "strong_sft"}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def fakegpu() -> Path:
    """A folder with the device, compiled once for these sources and this PyTorch."""
    source = ROOT.parent / "shared" / "gpu" / "fakegpu"
    if not all((source / name).exists() for name in FILES):
        pytest.skip(f"fakegpu is not at {source}")
    if shutil.which("c++") is None or shutil.which("ninja") is None:
        pytest.skip("fakegpu compiles itself: it needs a C++ compiler and ninja")
    content = b"".join((source / name).read_bytes() for name in FILES) + torch.__version__.encode()
    folder = Path(tempfile.gettempdir()) / f"rlaif-fakegpu-{os.getuid()}-{hashlib.sha256(content).hexdigest()[:12]}"
    folder.mkdir(exist_ok=True)
    for name in FILES:
        shutil.copyfile(source / name, folder / name)
    with FileLock(folder / "build.lock"):
        run([sys.executable, "-c", "import fgpu"], folder)
    return folder


def run(command: list[str], fakegpu: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{fakegpu}", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def table(runs_dir: Path) -> str:
    (found,) = (runs_dir / "table").glob("*/table.csv")
    return found.read_text()


def test_every_stage_computes_on_the_device_and_the_table_is_the_cpus(fakegpu: Path, tmp_path: Path) -> None:
    script = str(ROOT / "tests" / "device" / "second_device.py")
    seen = tmp_path / "seen.json"
    run([sys.executable, script, str(fakegpu), str(seen), *SMOKE, f"runs_dir={tmp_path / 'there'}"], fakegpu)
    assert json.loads(seen.read_text()) == {stage: ["fgpu"] for stage in CALLS_A_MODEL}
    run([sys.executable, "-m", "rlaif.train", *SMOKE, f"runs_dir={tmp_path / 'here'}"], fakegpu)
    assert table(tmp_path / "there") == table(tmp_path / "here")


def test_what_is_made_there_is_what_is_made_here(fakegpu: Path, tmp_path: Path) -> None:
    """Weights and adapters from a seed, what modules share, samples, rewards and a local judge's answers."""
    script = str(ROOT / "tests" / "device" / "made.py")
    here, there = (
        json.loads(run([sys.executable, "-W", "ignore", script, str(tmp_path), *given], fakegpu))
        for given in ((), (str(fakegpu),))
    )
    assert here.pop("devices") == ["cpu"] and there.pop("devices") == ["fgpu"]
    assert here.pop("precision") in (True, False) and there.pop("precision") is False  # it has no autocast
    numbers = here.pop("rewards"), here.pop("logprobs")
    for ours, theirs in zip(numbers, (there.pop("rewards"), there.pop("logprobs")), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)
    assert here == there
    assert here["shared"] is True
