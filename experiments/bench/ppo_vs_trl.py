"""A few rollouts and updates of PPO: this project's PPOTrainer against TRL's last one (trl==1.12.0).

    python -m experiments.bench.ppo_vs_trl [--shapes 4x256 10x512 12x768] [--lengths natural fixed] [--pairs N]
        [--rollouts N] [--ablate 4x256 10x512] [--trl-rows 4 16] [--environment DIR] [--results DIR]

Both get the same weights, the same prompts (as ids or as a text of as many words), the same
reward model, the same coefficients and take the same number of optimizer steps, on one thread
in fp32. Each run is a process of its own; the trainers take turns, so that what else the
machine does meets all of them. Figures are medians of the CPU seconds (user and system) and of
the peak resident memory of the whole process, as the kernel counts them for a child that has
ended. Seconds after imports and building are reported beside them.

TRL runs with several sizes of micro-batch (rows at a time in the update, gradients accumulated);
the factors are of the size at which it takes the fewest seconds. With natural lengths a response
ends by itself after 20 tokens on average, with fixed lengths all have 48.

With --ablate, each technique of ours is switched off alone. Writes ppo_vs_trl.json and .md into the
results, anew after each comparison; what they hold already of the same machine and packages stays, and each says its
commit.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.bench.ppo.environment import PINS, make_environment
from experiments.bench.ppo.measure import ROOT, Measured, environment, run_measured
from experiments.bench.ppo.table import as_table
from experiments.bench.ppo.variants import OURS, Variant, comparison, without_each
from experiments.commit import commit

RESULTS = Path(__file__).with_name("results")
WHAT = ("shape", "lengths", "rollouts")
FIELDS = ("cpu_s", "system_s", "train_cpu_s", "wall_s", "peak_rss_gb", "built_rss_gb")


def main() -> None:
    arguments = parse_arguments()
    trl_python = make_environment(arguments.environment)
    conditions = machine()
    todo = [
        ("comparisons", shape, lengths, comparison(trl_python, arguments.trl_rows))
        for shape in arguments.shapes
        for lengths in arguments.lengths
    ]
    todo += [
        ("ablations", shape, lengths, without_each()) for shape in arguments.ablate for lengths in arguments.lengths
    ]
    for kind, shape, lengths, variants in todo:
        with tempfile.TemporaryDirectory(prefix="rlaif-bench-", dir="/var/tmp") as task:
            write_task(Path(task), shape, lengths)
            series = run_in_turns(task, variants, arguments.pairs, arguments.rollouts)
        found = {
            "shape": shape, "lengths": lengths, "rollouts": arguments.rollouts, "turns": arguments.pairs,
            "commit": commit(), "load": load(), **summary(series),
        }  # fmt: skip
        result = with_finding(read(arguments.results, conditions), kind, found)
        write(result, arguments.results)
    print(as_table(read(arguments.results, conditions)))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", nargs="*", default=["4x256", "10x512", "12x768"], help="layers x width of a GPT-2")
    parser.add_argument("--lengths", nargs="+", default=["natural", "fixed"], choices=["natural", "fixed"])
    parser.add_argument("--pairs", type=int, default=5, help="how often each is run")
    parser.add_argument("--rollouts", type=int, default=4, help="of each run: the more, the less imports weigh")
    parser.add_argument("--ablate", nargs="*", default=[], help="shapes at which each technique is switched off")
    parser.add_argument("--trl-rows", nargs="+", type=int, default=[4, 16], help="rows of TRL's micro-batches")
    parser.add_argument("--environment", type=Path, default=ROOT / ".environments" / "trl-1.12", help="where TRL lives")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the tables are written")
    return parser.parse_args()


def write_task(directory: Path, shape: str, lengths: str) -> None:
    """In a process of its own, because this one must stay small; see run_measured."""
    command = [sys.executable, "-m", "experiments.bench.ppo.task", str(directory), shape, lengths]
    subprocess.run(command, check=True, cwd=ROOT, env=environment(), stderr=subprocess.DEVNULL)


def run_in_turns(
    task: str, variants: Sequence[Variant], num_turns: int, num_rollouts: int
) -> dict[str, list[Measured]]:
    """Each variant once a turn; a turn has its own seed for sampling.

    Raises:
        RuntimeError: a process failed, or one took another number of optimizer steps than ours.
    """
    series: dict[str, list[Measured]] = {variant.name: [] for variant in variants}
    for turn in range(num_turns):
        for variant in variants:
            arguments = [task, str(turn), str(num_rollouts), *variant.arguments]
            measured = run_measured(variant.python, variant.module, arguments)
            series[variant.name].append(measured)
            print(f"turn {turn + 1}: {variant.name}: {measured.as_row()}", file=sys.stderr, flush=True)
            steps = series[variants[0].name][0].num_optimizer_steps
            if measured.num_optimizer_steps != steps:
                raise RuntimeError(f"{variant.name}: {measured.num_optimizer_steps} optimizer steps, not {steps}")
    return series


def summary(series: Mapping[str, Sequence[Measured]]) -> dict[str, object]:
    """A row a variant: medians, except that the response length is a mean over all runs."""
    rows = {}
    for name, runs in series.items():
        medians = {
            field: round(statistics.median(getattr(run, field) for run in runs), 3)
            for field in (*FIELDS, "num_optimizer_steps")
        }
        length = round(statistics.mean(run.mean_response_tokens for run in runs), 2)
        rows[name] = {**medians, "mean_response_tokens": length, "runs": [run.as_row() for run in runs]}
    return {"variants": rows, "baseline": OURS}


def machine() -> dict[str, object]:
    """What the figures depend on."""
    code = "import importlib.metadata as m\nfor p in ('torch', 'transformers'): print(p + '==' + m.version(p))"
    shown = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True).stdout
    return {
        "ours": shown.split(),
        "trl": list(PINS),
        "python": platform.python_version(),
        "processor": processor(),
        "kernel": platform.release(),
        "cores": os.cpu_count(),
    }


def processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def load() -> list[float]:
    return [round(value, 1) for value in os.getloadavg()]


def read(directory: Path, conditions: dict[str, object]) -> dict[str, Any]:
    """The results so far; none where they were measured under other conditions."""
    path = directory / "ppo_vs_trl.json"
    if path.exists():
        result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if result["machine"] == conditions:
            return result
    return {"machine": conditions, "comparisons": [], "ablations": []}


def with_finding(result: dict[str, Any], kind: str, found: dict[str, Any]) -> dict[str, Any]:
    """In place of an earlier one of the same."""
    others = [one for one in result[kind] if any(one[name] != found[name] for name in WHAT)]
    return {**result, kind: [*others, found]}


def write(result: dict[str, Any], directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "ppo_vs_trl.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (directory / "ppo_vs_trl.md").write_text(as_table(result), encoding="utf-8")


if __name__ == "__main__":
    main()
