"""How many snippets pass in the offline hubs: APIBench's references, and the answers that Gorilla's authors recorded.

    python -m experiments.executability.run huggingface --apibench DIR [--rows references gorilla_ft] [--again]

References cap what any policy can reach, and tell what an environment lacks. Every snippet
goes through the project's own executor; with --again twice, to see which verdicts change.
Writes results/<environment>.json and .md beside this file; rows that are not asked for keep
what an earlier run found.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import distributions
from pathlib import Path

from tqdm import tqdm

from experiments.commit import commit
from rlaif.config import Environment, ExecutionConfig
from rlaif.data.api_database import read_database
from rlaif.data.apibench import read_apibench
from rlaif.data.completion import parse_completion
from rlaif.data.responses import load_responses
from rlaif.execution import Executor, Verdict
from rlaif.execution.api_ids import ApiId, ids_of
from rlaif.execution.environments import environments_directory, find_environment
from rlaif.execution.reference_rates import rates_of
from rlaif.execution.trust import passed_ids, settle
from rlaif.records import ApiRow, Example

RESULTS = Path(__file__).with_name("results")
SEED = 0
ANSWERS = {"gorilla_ft": "Gorilla_FT_0_shot", "gorilla_rt": "Gorilla_RT_0_shot"}
MADE_ON = ("environment", "versions", "commit", "kernel", "cores", "load")
LIBRARIES = ("torch", "transformers", "diffusers", "datasets", "huggingface-hub", "tensorflow-cpu", "tensorflow-hub")


@dataclass(frozen=True)
class Bench:
    """A hub's part of APIBench, and the environment that it runs in."""

    environment: Environment
    eval_file: str
    database_file: str
    responses: str
    timeout_s: float
    memory_mb: int


BENCHES = {
    "huggingface": Bench(
        Environment.hf2023, "huggingface_eval.json", "huggingface_api.jsonl", "huggingface", 60.0, 6144
    ),
    "torchhub": Bench(Environment.torchhub, "torchhub_eval.json", "torchhub_api.jsonl", "torchhub", 60.0, 4096),
    "tensorflow": Bench(
        Environment.tf2023, "tensorflow_eval.json", "tensorflowhub_api.jsonl", "tensorflowhub", 400.0, 4096
    ),
}


@dataclass(frozen=True)
class Snippet:
    id: str
    """Of the eval file's example."""
    code: str


def main() -> None:
    arguments = parse_arguments()
    bench = BENCHES[arguments.hub]
    path = arguments.apibench / "apibench" / bench.eval_file
    examples, _ = read_apibench(path, bench.eval_file.partition("_")[0], "eval")
    database, _ = read_database(arguments.apibench / "api" / bench.database_file)
    made_on = machine(bench.environment.value)
    config = ExecutionConfig(
        name=bench.environment.value,
        environment=bench.environment,
        timeout_s=arguments.timeout or bench.timeout_s,
        memory_mb=bench.memory_mb,
        num_workers=arguments.workers,
    )
    ids = frozenset(arguments.only.read_text(encoding="utf-8").split()) if arguments.only else None
    snippets = snippets_of("references", arguments.apibench, bench, examples)
    chosen = [one for one in snippets if ids is None or one.id in ids]
    if arguments.sample:
        chosen = random.Random(SEED).sample(chosen, min(arguments.sample, len(chosen)))
    keys = {one.id for one in chosen}
    known = ids_of(database)
    passed: frozenset[ApiId] | None = None
    with tempfile.TemporaryDirectory(prefix="rlaif-executability-") as scratch:
        for rows in arguments.rows:
            asked = [one for one in snippets_of(rows, arguments.apibench, bench, examples) if one.id in keys]
            codes = [one.code for one in asked]
            cache = arguments.cache or Path(scratch) / "first"
            verdicts, seconds = run_all(config, cache, arguments.assets, database, codes, rows)
            if rows == "references":
                passed = passed_ids(codes, verdicts, known)
            settled = settle(verdicts, codes, passed, known) if passed is not None else None
            found = summary(verdicts, settled)
            found |= {"seconds": round(seconds, 1), "drawn_from": len(snippets), "config": config_of(config)}
            if arguments.again:
                cache = Path(scratch) / "second"
                second, _ = run_all(config, cache, arguments.assets, database, codes, f"{rows}, again")
                found |= {"changed": changed(asked, verdicts, second)}
            report(rows, found)
            if arguments.details:
                write_details(arguments.details / bench.environment.value / f"{rows}.jsonl", asked, settled or verdicts)
            if ids is None:
                write_results(bench.environment.value, rows, found | made_on)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hub", choices=sorted(BENCHES))
    parser.add_argument("--apibench", type=Path, required=True, help="a copy of APIBench")
    parser.add_argument("--rows", nargs="+", choices=["references", *ANSWERS], default=["references"])
    parser.add_argument("--assets", type=Path, default=Path("runs/shared/assets"), help="where hubs are built")
    parser.add_argument("--again", action="store_true", help="run all twice, and tell which verdicts changed")
    parser.add_argument("--cache", type=Path, help="verdicts known already; else each snippet is run")
    parser.add_argument("--sample", type=int, help="this many examples, drawn with a fixed seed; else all")
    parser.add_argument("--only", type=Path, help="a file of the examples' ids to run, to look at; writes no results")
    parser.add_argument("--details", type=Path, help="a folder for each snippet with its verdict, to read by hand")
    parser.add_argument("--timeout", type=float, help="seconds a snippet; else the hub's own limit")
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


def snippets_of(rows: str, apibench: Path, bench: Bench, examples: Sequence[Example]) -> list[Snippet]:
    """Those of the examples whose reference has code; an answer without any is a snippet of none."""
    codes = {one.id: parse_completion(one.reference).code for one in examples}
    references = {key: code for key, code in codes.items() if code}
    if rows == "references":
        return [Snippet(key, code) for key, code in references.items()]
    path = apibench / "responses" / f"response_{bench.responses}_{ANSWERS[rows]}.jsonl"
    answers = [one for one in load_responses(path, examples) if one.example_id in references]
    return [Snippet(one.example_id, parse_completion(one.text).code or "") for one in answers]


def run_all(
    config: ExecutionConfig, cache: Path, assets: Path, database: Sequence[ApiRow], codes: Sequence[str], label: str
) -> tuple[list[Verdict], float]:
    """Verdicts, and the seconds that they took, the sandboxes' start included and the hub's building not."""
    with Executor(config, cache, assets, database) as executor:
        started = time.perf_counter()
        with tqdm(total=len(codes), desc=label, unit="snippet") as bar:
            verdicts = executor.run(codes, bar.update)
        return verdicts, time.perf_counter() - started


def changed(asked: Sequence[Snippet], first: Sequence[Verdict], second: Sequence[Verdict]) -> dict[str, str]:
    """Which examples' verdicts differ between two runs, and how."""
    pairs = ((one.id, named(before), named(after)) for one, before, after in zip(asked, first, second, strict=True))
    return {key: f"{before} -> {after}" for key, before, after in pairs if before != after}


def named(verdict: Verdict) -> str:
    return f"{verdict.status} {verdict.kind}".strip()


def summary(verdicts: Sequence[Verdict], settled: Sequence[Verdict] | None) -> dict[str, object]:
    """The figures of one kind of rows; also with library errors held only against ids that are known to work."""
    rates = rates_of(verdicts)
    kinds = Counter(map(named, verdicts))
    taken = [one.seconds for one in verdicts]
    found: dict[str, object] = {
        "n": rates.num,
        "strict": rates.strict,
        "conditional": rates.conditional,
        "num_pass": rates.num_pass,
        "num_fault": rates.num_fault,
        "num_unknown_api": rates.num_unknown_api,
        "num_inconclusive": rates.num_inconclusive,
        "verdicts": dict(kinds.most_common()),
        "raised_in": dict(Counter(one.raised_in or "nowhere" for one in verdicts if one.status == "fault")),
        "median_snippet_s": round(statistics.median(taken), 3) if taken else None,
        "mean_snippet_s": round(statistics.fmean(taken), 3) if taken else None,
    }
    if settled is not None:
        then = rates_of(settled)
        found["settled"] = {"conditional": then.conditional, **asdict(then)}
    return found


def config_of(config: ExecutionConfig) -> dict[str, object]:
    return {"timeout_s": config.timeout_s, "memory_mb": config.memory_mb, "num_workers": config.num_workers}


def machine(environment: str) -> dict[str, object]:
    """What the figures depend on besides the snippets."""
    installation = find_environment(environment, environments_directory())
    paths = [str(path) for path in installation.site_packages]
    versions = {one.name: one.version for one in distributions(path=paths) if one.name.lower() in LIBRARIES}
    return {
        "environment": installation.identity,
        "versions": dict(sorted(versions.items())),
        "commit": commit(),
        "kernel": platform.release(),
        "cores": os.cpu_count(),
        "load": [round(value, 1) for value in os.getloadavg()],
    }


def report(rows: str, found: dict[str, object]) -> None:
    print(f"{rows}: n={found['n']} strict={_percent(found['strict'])} conditional={_percent(found['conditional'])}")
    print(json.dumps(found, indent=1))


def write_details(path: Path, asked: Sequence[Snippet], verdicts: Sequence[Verdict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(asdict(one) | asdict(verdict)) for one, verdict in zip(asked, verdicts, strict=True))
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_results(environment: str, rows: str, found: dict[str, object]) -> None:
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{environment}.json"
    everything = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    everything[rows] = found
    path.write_text(json.dumps(everything, indent=1) + "\n", encoding="utf-8")
    path.with_suffix(".md").write_text(as_table(environment, everything), encoding="utf-8")


def as_table(environment: str, everything: dict[str, dict[str, object]]) -> str:
    """Markdown: a row for each kind of snippets, and what the others came to."""
    lines = [
        f"# {environment}",
        "",
        "Strict: passed of all. Conditional: passed of those that passed or are at fault. Settled: conditional, with a"
        " library's error held only against ids whose reference passes.",
        "",
        "| snippets | n | strict | conditional | settled | pass | fault | unknown | inconclusive | s each | all, s |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for rows, found in everything.items():
        settled = found.get("settled")
        cells = [
            rows,
            f"{found['n']} of {found['drawn_from']}",
            _percent(found["strict"]),
            _percent(found["conditional"]),
            _percent(settled["conditional"]) if isinstance(settled, dict) else "",
            *(found[f"num_{status}"] for status in ("pass", "fault", "unknown_api", "inconclusive")),
            found["mean_snippet_s"],
            found["seconds"],
        ]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    for rows, found in everything.items():
        verdicts = found["verdicts"]
        assert isinstance(verdicts, dict)
        told = ", ".join(f"{name} {number}" for name, number in verdicts.items())
        made_on = {key: found[key] for key in ("config", *MADE_ON)}
        lines += ["", f"{rows}: {told}."]
        again = found.get("changed")
        if isinstance(again, dict):
            lines += ["", f"In a second run {len(again)} of {found['n']} verdicts differ: {json.dumps(again)}"]
        lines += ["", f"`{json.dumps(made_on)}`"]
    return "\n".join(lines) + "\n"


def _percent(value: object) -> str:
    return f"{100 * value:.1f}%" if isinstance(value, float) else ""


if __name__ == "__main__":
    main()
