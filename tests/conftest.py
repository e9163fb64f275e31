"""What every test shares: where the real data lies, and how many threads a test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="session")
def apibench_dir() -> Path:
    """The real APIBench files; a test that needs them is skipped, with this reason, where they are not."""
    configured = os.environ.get("RLAIF_APIBENCH_DIR")
    beside = Path(__file__).resolve().parents[2] / "shared" / "apibench"
    directory = Path(configured) if configured else beside
    if not directory.is_dir():
        pytest.skip(f"APIBench is not at {directory}: set RLAIF_APIBENCH_DIR")
    return directory
