"""One measured process: its CPU seconds and peak memory, and what it reports of itself."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")


@dataclass(frozen=True)
class Measured:
    """Figures of one process."""

    cpu_s: float
    """User and system seconds of the whole process, imports included, as the kernel counts them."""
    system_s: float
    """Of these, the kernel's own: mostly it handing out and clearing memory, page by page."""
    train_cpu_s: float
    """Of these, after imports and building: one rollout and its update."""
    wall_s: float
    peak_rss_gb: float
    built_rss_gb: float
    """The peak until training began."""
    num_optimizer_steps: int
    mean_response_tokens: float

    def as_row(self) -> dict[str, float]:
        return {name: round(value, 3) for name, value in asdict(self).items()}


def run_measured(python: str | Path, module: str, arguments: Sequence[str]) -> Measured:
    """Run `python -m module TASK REPORT ...`, where arguments[1:] follow the report's path.

    The kernel lets a child begin with its parent's peak memory, so this process must stay small:
    it imports neither torch nor anything else that is large.

    Raises:
        RuntimeError: the process failed; the message has the end of its output.
    """
    with tempfile.TemporaryDirectory(prefix="rlaif-bench-") as scratch:
        report, log = Path(scratch) / "report.json", Path(scratch) / "log"
        command = [str(python), "-m", module, arguments[0], str(report), *arguments[1:]]
        started = time.perf_counter()
        with log.open("wb") as output:
            process = subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=output, stderr=subprocess.STDOUT)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        wall_s = time.perf_counter() - started
        if process.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{log.read_text()[-3000:]}")
        found = json.loads(report.read_text(encoding="utf-8"))
    lengths = found["response_lengths"]
    return Measured(
        cpu_s=usage.ru_utime + usage.ru_stime,
        system_s=usage.ru_stime,
        train_cpu_s=found["trained"]["cpu_s"] - found["built"]["cpu_s"],
        wall_s=wall_s,
        peak_rss_gb=usage.ru_maxrss / 2**20,
        built_rss_gb=found["built"]["peak_rss_gb"],
        num_optimizer_steps=found["num_optimizer_steps"],
        mean_response_tokens=sum(lengths) / len(lengths),
    )


def environment() -> dict[str, str]:
    """One thread, no network, no tracking; nothing else of ours that could slow or help one of the two."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    offline = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "TRL_EXPERIMENTAL_SILENCE": "1"}
    return {**kept, **offline, **dict.fromkeys(THREADS, "1"), "PYTHONPATH": str(ROOT)}
