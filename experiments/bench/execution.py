"""How fast snippets run, cold and forked, with and without isolation.

    python -m experiments.bench.execution --apibench DIR [--assets DIR] [--repeats N]

Three ways to run a snippet, under the same limits:

- cold: a sandbox and an interpreter a snippet, which imports its libraries itself;
- forked: a child of a process that has imported them, without protection;
- isolated: such a child in the sandbox, as the executor runs it.

The variants take turns within each repeat, so that what else the machine does meets all of
them; figures are medians over repeats. Writes results/execution.json and .md beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from experiments.commit import commit
from rlaif.config import Environment, ExecutionConfig, Isolation
from rlaif.data.api_database import read_database
from rlaif.data.apibench import read_apibench
from rlaif.data.completion import parse_completion
from rlaif.execution.isolation import Limits, choose_isolation, make_worker
from rlaif.execution.surroundings import Surroundings, prepare
from rlaif.execution.worker import Outcome, Worker

RESULTS = Path(__file__).with_name("results")
LIMITS = Limits(timeout_s=60.0, memory_mb=6144)
NUM_AT_ONCE = 2
PIPELINE = (
    "from transformers import pipeline\n"
    "classify = pipeline('text-classification', model={model!r})\n"
    "print(classify('a small text')[0]['label'])\n"
)
HUB_MODEL = (
    "import torch\nmodel = torch.hub.load('pytorch/vision', 'resnet18', pretrained=True).eval()\n"
    "print(model(torch.rand(1, 3, 64, 64)).argmax())\n"
)
MAKE_MODEL = """
import sys
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast
words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "small", "text"]
open(sys.argv[1] + "/vocab.txt", "w").write("\\n".join(words))
BertTokenizerFast(sys.argv[1] + "/vocab.txt").save_pretrained(sys.argv[1])
config = BertConfig(vocab_size=8, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
BertForSequenceClassification(config).save_pretrained(sys.argv[1])
"""


@dataclass(frozen=True)
class Suite:
    """Snippets and what they find around them."""

    name: str
    snippets: Sequence[str]
    surroundings: Surroundings
    num_cold: int
    """Of the snippets, how many are run cold in a repeat: each takes seconds."""


def main() -> None:
    arguments = parse_arguments()
    isolation = choose_isolation(Isolation.auto)
    with tempfile.TemporaryDirectory(prefix="rlaif-bench-", dir="/var/tmp") as scratch:
        suites = make_suites(arguments, Path(scratch))
        made_on = machine(arguments, suites)  # before the run: its commit and the load that it met
        found = {suite.name: measure(suite, isolation, arguments.repeats) for suite in suites}
    result: dict[str, object] = {"machine": made_on, "isolation": isolation.value, "suites": found}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "execution.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    table = as_table(result)
    (RESULTS / "execution.md").write_text(table, encoding="utf-8")
    print(table)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--apibench", type=Path, required=True, help="a copy of APIBench")
    parser.add_argument("--assets", type=Path, default=Path("runs/shared/assets"), help="where hubs are built")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--references", type=int, default=60, help="how many references, drawn with a fixed seed")
    return parser.parse_args()


def make_suites(arguments: argparse.Namespace, scratch: Path) -> list[Suite]:
    """A tiny pipeline and the references of the Hugging Face hub; a tiny model and the references of Torch Hub."""
    huggingface, torchhub = (surroundings_of(name, arguments) for name in ("hf2023", "torchhub"))
    model = scratch / "model"
    model.mkdir()
    subprocess.run(
        [huggingface.contents.interpreter, "-I", "-c", MAKE_MODEL, str(model)], check=True, capture_output=True
    )
    contents = replace(huggingface.contents, readable=(*huggingface.contents.readable, model))
    pipeline = replace(huggingface, contents=contents)
    return [
        Suite("tiny transformers pipeline", [PIPELINE.format(model=str(model))] * 20, pipeline, 2),
        Suite("Hugging Face references", references(arguments, "huggingface"), huggingface, 4),
        Suite("tiny Torch Hub model", [HUB_MODEL] * 20, torchhub, 2),
        Suite("Torch Hub references", references(arguments, "torchhub"), torchhub, 4),
    ]


def surroundings_of(name: str, arguments: argparse.Namespace) -> Surroundings:
    """As the executor has them: the environment, its preloaded modules and its offline hub."""
    environment = Environment(name)
    database_file = {"hf2023": "huggingface_api.jsonl", "torchhub": "torchhub_api.jsonl"}[name]
    database, _ = read_database(arguments.apibench / "api" / database_file)
    return prepare(ExecutionConfig(name=name, environment=environment), database, arguments.assets)


def references(arguments: argparse.Namespace, hub: str) -> list[str]:
    examples, _ = read_apibench(arguments.apibench / "apibench" / f"{hub}_eval.json", hub, "eval")
    codes = [code for example in examples if (code := parse_completion(example.reference).code)]
    return random.Random(0).sample(codes, min(arguments.references, len(codes)))


def measure(suite: Suite, isolation: Isolation, repeats: int) -> dict[str, object]:
    """Seconds a snippet with one at a time, and snippets a second with two, of each variant."""
    contents = suite.surroundings.contents
    forked = [make_worker(Isolation.none, contents, LIMITS) for _ in range(NUM_AT_ONCE)]
    isolated = [make_worker(isolation, contents, LIMITS) for _ in range(NUM_AT_ONCE)]
    series: dict[str, list[float]] = {}
    passed: dict[str, int] = {}

    def note(name: str, value: float) -> None:
        series.setdefault(name, []).append(round(value, 5))

    try:
        for worker in (*forked, *isolated):
            run_one(worker, suite, suite.snippets[0])  # starts it; not counted
        for repeat in range(repeats):
            chosen = random.Random(repeat).sample(list(suite.snippets), suite.num_cold)
            for name, workers in (("forked", forked), ("isolated", isolated)):
                rate, outcomes = run_all(workers, suite)
                note(f"{name}_per_s", rate)
                passed[name] = sum(map(has_passed, outcomes))
            # One at a time, turn by turn, snippet by snippet: what the isolation itself adds.
            added = []
            for code in suite.snippets[:20]:
                alone = [seconds_of(worker, suite, code) for worker in (forked[0], isolated[0])]
                note("forked_s", alone[0])
                note("isolated_s", alone[1])
                added.append(alone[1] - alone[0])
            note("overhead_ms", 1000 * statistics.median(added))
            started = time.perf_counter()
            with ThreadPoolExecutor(NUM_AT_ONCE) as pool:
                list(pool.map(lambda code: run_cold(suite, isolation, code), chosen))
            note("cold_per_s", len(chosen) / (time.perf_counter() - started))
            note("cold_s", statistics.median(run_cold(suite, isolation, code) for code in chosen[:1]))
    finally:
        for worker in (*forked, *isolated):
            worker.close()
    medians = {name: round(statistics.median(values), 5) for name, values in series.items()}
    return {
        "num_snippets": len(suite.snippets),
        "num_passed": passed,
        "median": medians,
        "isolated_over_cold": round(medians["isolated_per_s"] / medians["cold_per_s"], 1),
        "series": {name: values for name, values in series.items() if len(values) <= repeats},
    }


def run_one(worker: Worker, suite: Suite, code: str) -> Outcome:
    """Finding out what files it needs counts, as it does in the executor."""
    return worker.run(code, suite.surroundings.files_for(code), suite.surroundings.pages_for(code))


def run_all(workers: Sequence[Worker], suite: Suite) -> tuple[float, list[Outcome]]:
    """(snippets a second, outcomes) with all workers at once."""
    free = list(workers)

    def run(code: str) -> Outcome:
        worker = free.pop()
        try:
            return run_one(worker, suite, code)
        finally:
            free.append(worker)

    started = time.perf_counter()
    with ThreadPoolExecutor(len(workers)) as pool:
        outcomes = list(pool.map(run, suite.snippets))
    return len(suite.snippets) / (time.perf_counter() - started), outcomes


def seconds_of(worker: Worker, suite: Suite, code: str) -> float:
    started = time.perf_counter()
    run_one(worker, suite, code)
    return time.perf_counter() - started


def run_cold(suite: Suite, isolation: Isolation, code: str) -> float:
    """Seconds from nothing to the outcome."""
    contents = replace(suite.surroundings.contents, preload=())
    # Without preloaded modules the address space is the snippet's own to fill with them.
    worker = make_worker(isolation, contents, Limits(LIMITS.timeout_s, 4 * LIMITS.memory_mb))
    try:
        return seconds_of(worker, suite, code)
    finally:
        worker.close()


def has_passed(outcome: Outcome) -> bool:
    return bool((outcome.report or {}).get("passed"))


def machine(arguments: argparse.Namespace, suites: Sequence[Suite]) -> dict[str, object]:
    """What the figures depend on."""
    return {
        "commit": commit(),
        "environments": sorted({suite.surroundings.identity for suite in suites}),
        "kernel": platform.release(),
        "cores": os.cpu_count(),
        "load": [round(value, 1) for value in os.getloadavg()],
        "repeats": arguments.repeats,
    }


def as_table(result: dict[str, object]) -> str:
    """Markdown: a row a suite."""
    lines = [
        "| snippets | n | passed | cold, 1/s | forked, 1/s | isolated, 1/s | isolated / cold | isolation adds, ms |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    suites = result["suites"]
    assert isinstance(suites, dict)
    for name, suite in suites.items():
        median = suite["median"]
        rates = " | ".join(f"{median[key]:.2f}" for key in ("cold_per_s", "forked_per_s", "isolated_per_s"))
        lines.append(
            f"| {name} | {suite['num_snippets']} | {suite['num_passed']['isolated']} | {rates}"
            f" | {suite['isolated_over_cold']:.1f} | {median['overhead_ms']:.0f} |"
        )
    made_on = json.dumps(result["machine"])
    lines += ["", f"Two at a time; medians of the repeats. Isolation: {result['isolation']}. {made_on}"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
