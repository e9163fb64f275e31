"""Table 1 on three hubs of APIBench with three seeds each; writes results/.

    make table1                    # APIBENCH=DIR where Gorilla's data lie

Nine jobs of `rlaif.train`, two at a time with one thread each; what is finished is reused.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from experiments.results import locate
from experiments.table1.tables import write_results

RESULTS = Path(__file__).parent / "results"
DEFAULT_DATA = Path(__file__).resolve().parents[2].parent / "shared" / "apibench"
HUBS = ("torchhub", "tensorflow", "huggingface")
"""In the order of launching: the longest job first."""
SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Job:
    """One hub with one seed."""

    hub: str
    seed: int
    overrides: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.hub}-seed{self.seed}"


def main() -> None:
    """Launch what is not finished, then put the tables together."""
    arguments = parse_arguments()
    data = data_directory(arguments.apibench)
    jobs = [
        Job(hub, seed, overrides(hub, seed, data, arguments.runs_dir))
        for hub in arguments.hubs
        for seed in arguments.seeds
    ]
    launch_all(jobs, arguments.jobs, Path(arguments.runs_dir) / "jobs")
    found = {hub: [locate(*job.overrides) for job in jobs if job.hub == hub] for hub in arguments.hubs}
    write_results(found, arguments.results)
    print((arguments.results / "table1.md").read_text(encoding="utf-8"))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Table 1 on three hubs of APIBench.")
    parser.add_argument("--apibench", type=Path, help="the directory of Gorilla's data")
    parser.add_argument("--runs-dir", default="runs")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--hubs", nargs="+", choices=HUBS, default=HUBS)
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS)
    parser.add_argument("--jobs", type=int, default=2, help="jobs at a time, of one thread each")
    return parser.parse_args()


def data_directory(given: Path | None) -> Path:
    """The directory that was named, or the default where it is there; else says how to get the data, and ends."""
    directory = (given or DEFAULT_DATA).expanduser()
    if not directory.is_dir():
        sys.exit(
            f"error: {directory}: no such directory. Get the data with `git clone "
            f"https://github.com/ShishirPatil/gorilla`, then make table1 APIBENCH=gorilla/data"
        )
    return directory.resolve()


def overrides(hub: str, seed: int, data: Path, runs_dir: str) -> tuple[str, ...]:
    """The launch line of one job. A hub whose training file is there has the official split."""
    has_train = any((place / f"{hub}_train.json").is_file() for place in (data / "apibench", data))
    return (
        f"experiment=apibench_{hub}", f"data.dir={data}", f"data.split={'official' if has_train else 'seeded'}",
        f"seed={seed}", f"runs_dir={runs_dir}", "strong_sft.enabled=true", "execution.num_workers=1", "tracking=none",
    )  # fmt: skip


def launch_all(jobs: list[Job], at_a_time: int, logs: Path) -> None:
    """Run the jobs, each with a log of its own; the first that fails ends the script when those under way are done."""
    logs.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(at_a_time) as pool:
        running = [pool.submit(launch_one, job, logs / f"table1-{job.name}.log") for job in jobs]
        for future in running:
            try:
                future.result()
            except subprocess.CalledProcessError:
                pool.shutdown(cancel_futures=True)
                sys.exit(1)


def launch_one(job: Job, log: Path) -> None:
    """As a user would, with one thread."""
    start = time.monotonic()
    print(f"{job.name}: started, log in {log}", flush=True)
    command = [sys.executable, "-m", "rlaif.train", *job.overrides]
    with log.open("w", encoding="utf-8") as file:
        done = subprocess.run(
            command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=file, stderr=subprocess.STDOUT, check=False
        )
    minutes = (time.monotonic() - start) / 60
    if done.returncode:
        last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        print(f"{job.name}: failed after {minutes:.1f} min: {' '.join(last)} (see {log})", file=sys.stderr, flush=True)
        raise subprocess.CalledProcessError(done.returncode, command)
    print(f"{job.name}: finished in {minutes:.1f} min", flush=True)


if __name__ == "__main__":
    main()
