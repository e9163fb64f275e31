"""Where the bench's mock listens and its jobs write, and how one job is run: as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Bench:
    """Where the mock listens, where jobs write, and how many requests they make."""

    address: str
    scratch: Path
    num: int
    repeats: int
    rivals: dict[str, Path]

    @property
    def url(self) -> str:
        return f"{self.address}/v1"

    def script(self, **script: object) -> None:
        urllib.request.urlopen(f"{self.address}/script", json.dumps(script).encode()).close()

    def stats(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.address}/stats") as reply:
            stats: dict[str, Any] = json.load(reply)
        return stats

    def start(self, name: str, store: str = "", **options: object) -> subprocess.Popen[str]:
        arguments = [self.url, str(self.scratch / (store or name)), str(self.scratch / f"{name}.jsonl")]
        options = {"num": self.num, **options}
        command = [sys.executable, "-m", "experiments.bench.feedback_client", *arguments, json.dumps(options)]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    def job(self, name: str, store: str = "", **options: object) -> dict[str, Any]:
        """One job from its start to its end."""
        started = time.perf_counter()
        process = self.start(name, store, **options)
        printed, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"{name}: the job failed")
        result: dict[str, Any] = json.loads(printed.splitlines()[-1])
        result["seconds"] = round(time.perf_counter() - started, 3)
        return result

    def labels(self, name: str) -> str:
        return (self.scratch / f"{name}.jsonl").read_text()
