"""How fast the labeler is, and whether it keeps its promises, against a mock endpoint on this machine.

    python -m experiments.bench.feedback                      every part, a few minutes
    python -m experiments.bench.feedback --only speed kills   some of them
    python -m experiments.bench.feedback --distilabel ENV --curator ENV    side by side with theirs, in turns

Every job is a process of its own, so that its start-up and its records on disk are part of its time. An ENV is a
virtual environment with distilabel[openai]==1.5.3 and requests (which it needs and does not name), or with
bespokelabs-curator==0.1.31; torch==2.13.0 as a constraint keeps CUDA out of both.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from experiments.bench.feedback_client import NUM_QUESTIONS, requests
from experiments.bench.feedback_corrupt import corrupt
from experiments.bench.feedback_job import ROOT, Bench
from rlaif.feedback.exchange_store import ExchangeStore

RIVALS = Path(__file__).with_name("rivals")


def speed(bench: Bench) -> dict[str, Any]:
    """Labels a second: as is, with 2% of calls at 2 s, and beside the others, in turns."""
    series: dict[str, list[float]] = {}
    cpu: list[float] = []
    for repeat in range(bench.repeats):
        for name, script in (("plain", {}), ("slow tail", {"slow_share": 0.02})):
            bench.script(**script)
            result = bench.job(f"speed {name} {repeat}")
            assert result["num_verdicts"] == bench.num, result
            cpu.append(result["cpu_seconds"])
            series.setdefault(name, []).append(round(bench.num / result["seconds"], 1))
            for rival, environment in bench.rivals.items():
                bench.script(**script)
                rate = rival_rate(bench, rival, environment, f"{rival} {name} {repeat}")
                series.setdefault(f"{rival}, {name}", []).append(rate)
    medians = {name: statistics.median(values) for name, values in series.items()}
    ratios = {
        name: round(medians["slow tail" if "slow" in name else "plain"] / median, 1)
        for name, median in medians.items()
        if "," in name
    }
    return {"labels_per_s": medians, "times_as_fast": ratios, "cpu_seconds": statistics.median(cpu), "series": series}


def rival_rate(bench: Bench, rival: str, environment: Path, name: str) -> float:
    """Labels a second of another tool, at most 1,000 requests, each run in a directory of its own."""
    directory = bench.scratch / name
    directory.mkdir()
    num = min(bench.num, 1000)
    asked = [dict(one.messages) for one in requests(num)]
    (directory / "requests.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    command = [environment / "bin" / "python", RIVALS / f"{rival}_client.py", bench.url]
    command += [directory / "requests.jsonl", directory]
    log = directory / "log"
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    started = time.perf_counter()
    with log.open("w") as errors:
        ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=errors, text=True, timeout=300, env=environ)
    seconds = time.perf_counter() - started
    if ran.returncode or json.loads(ran.stdout.splitlines()[-1])["num_replies"] != num:
        raise RuntimeError(f"{rival}: {log.read_text()[-1000:]} {ran.stdout[-300:]}")
    return round(num / seconds, 1)


def kills(bench: Bench) -> dict[str, Any]:
    """20 kills with -9 at random points of one labeling run."""
    bench.script()
    whole = bench.job("kills whole")
    bench.script()
    generator, acknowledged, again = random.Random(0), set[str](), []
    for number in range(20):
        process = bench.start("kills", acknowledge=True)
        assert process.stdout is not None
        limit = generator.randrange(1, max(2, bench.num // 24))
        for line in process.stdout:
            acknowledged.add(line.strip())
            limit -= 1
            if limit <= 0:
                break
        os.kill(process.pid, signal.SIGKILL)
        printed = process.stdout.read()
        acknowledged |= {line.strip() for line in printed.splitlines(keepends=True) if len(line) == 65}
        process.wait()
        time.sleep(0.15)  # what the mock had under way for it ends
        again.append(bench.stats()["num_duplicates"])
        store = ExchangeStore(bench.scratch / "kills")
        lost = [key for key in acknowledged if len(key) == 64 and store.get(key) is None]
        if lost:
            return {"killed": number + 1, "lost": len(lost)}
    bench.job("kills")
    stats = bench.stats()
    again.append(stats["num_duplicates"])
    sent_again = [later - earlier for earlier, later in zip([0, *again], again, strict=False)]
    return {
        "killed": 20, "acknowledged": len(acknowledged), "lost": 0, "sent_again": stats["num_duplicates"],
        "most_sent_again_after_one": max(sent_again), "at_once": 64,
        "same_file": bench.labels("kills") == bench.labels("kills whole"), "replies": whole["num_replies"],
    }  # fmt: skip


def faults(bench: Bench) -> dict[str, Any]:
    """30% of calls a 429 or a 5xx; some ask for a pause, in both forms."""
    results = {}
    for form in ("seconds", "date"):
        bench.script(fault_share=0.3, retry_after=form, retry_every=10)
        result = bench.job(f"faults {form}")
        stats = bench.stats()
        results[form] = {
            "complete": result["num_verdicts"] / bench.num, "faults": stats["num_faults"],
            "pauses": stats["num_pauses"], "sent_in_a_window": sent_in_a_window(bench.scratch / f"faults {form}"),
            "came_in_a_window": stats["num_in_window"],
            "answered_twice": stats["num_duplicates"], "by_cause": result["by_cause"], "seconds": result["seconds"],
        }  # fmt: skip
    bench.script(at_once=24)
    result = bench.job("faults limit")
    stats = bench.stats()
    results["a server that takes 24 at once"] = {
        "complete": result["num_verdicts"] / bench.num, "turned_away": stats["num_over"], "seconds": result["seconds"],
    }  # fmt: skip
    return results


def sent_in_a_window(store: Path) -> int:
    """Calls that began after the client had read a Retry-After and before it was over, by the client's records.

    What the mock counts as having come in a window, 20 ms of grace apart, may have been under way: on a busy machine
    the client reads later than the mock writes.
    """
    records = [one for one in ExchangeStore.read_files(sorted(store.glob("*.jsonl"))) if "started" in one]
    paused = [one for one in records if one.get("retry_after")]
    begins = [(read := one["started"] + one["seconds"], read + one["retry_after"]) for one in paused]
    return sum(any(start < one["started"] < end - 0.001 for start, end in begins) for one in records)


def sharing(bench: Bench) -> dict[str, Any]:
    """Eight jobs on the same items; then again, with other weights, and with one question changed."""
    bench.script(at_once=10_000)
    jobs = [bench.start(f"sharing {number}", "sharing", at_once=16) for number in range(8)]
    results = [json.loads(job.communicate()[0].splitlines()[-1]) for job in jobs]
    stats = bench.stats()
    found: dict[str, Any] = {
        "jobs": len(results), "complete": min(one["num_verdicts"] for one in results) / bench.num,
        "requests": stats["num_requests"], "duplicates": stats["num_duplicates"],
        "same_file": len({bench.labels(f"sharing {number}") for number in range(8)}) == 1,
    }  # fmt: skip
    bench.script()
    found["second_run_seconds"] = bench.job("second", "sharing")["seconds"]
    found["second_run_requests"] = bench.stats()["num_requests"]
    found["changed_weight_requests"], found["changed_weight_scores_differ"] = rescore(bench)
    bench.job("changed", "sharing", changed_question=3)
    found["changed_question_requests"] = bench.stats()["num_requests"]
    found["its_own"] = bench.num // NUM_QUESTIONS
    return found


def rescore(bench: Bench) -> tuple[int, bool]:
    """(requests made, whether scores changed) with other weights, from the store only."""
    values = [json.loads(line)["p_yes"] for line in bench.labels("second").splitlines()]

    def scores(weights: list[float]) -> list[float]:
        groups = [values[start : start + NUM_QUESTIONS] for start in range(0, len(values), NUM_QUESTIONS)]
        return [sum(w * p for w, p in zip(weights, group, strict=True)) / sum(weights) for group in groups]

    bench.script()
    bench.job("rescored", "sharing")
    differ = scores([1.0] * 8) != scores([1.0] * 7 + [2.0])
    return bench.stats()["num_requests"], differ


def money(bench: Bench) -> dict[str, Any]:
    """The cap against what the mock has billed, with calls under way; the forecast against the truth."""
    found: dict[str, Any] = {}
    bench.script()
    free = bench.job("money free")
    billed = bench.stats()
    cost = dollars(billed)
    forecast = free["forecast"]
    found["forecast_by"] = forecast["counted_by"]
    found["forecast_input_error"] = round(forecast["num_input_tokens"] / billed["num_input_tokens"] - 1, 4)
    found["forecast_cost_error"] = round(forecast["cost"] / cost - 1, 4)
    bench.script()
    later = bench.job("money later", "money free", changed_question=3)
    found["forecast_from_earlier_replies_error"] = round(later["forecast"]["cost"] / dollars(bench.stats()) - 1, 4)
    found["caps"] = []
    for share in (0.02, 0.25, 0.6):
        for script in ({}, {"fault_share": 0.3, "slow_share": 0.05}):
            bench.script(**script)
            result = bench.job(f"money {share} {len(script)}", cap=share * cost)
            time.sleep(0.1)
            billed_share = dollars(bench.stats()) / cost
            found["caps"].append({"cap": share, "billed": round(billed_share, 4), "passed": billed_share > share})
            assert result["stopped"] or billed_share <= share
    return found


def dollars(stats: dict[str, Any]) -> float:
    return (0.5 * stats["num_input_tokens"] + 1.5 * stats["num_output_tokens"]) / 1e6


PARTS: dict[str, Callable[[Bench], dict[str, Any]]] = {
    "speed": speed, "kills": kills, "faults": faults, "sharing": sharing, "money": money, "corrupt": corrupt,
}  # fmt: skip


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the mock ends too
    arguments = parse_arguments()
    rivals = {name: getattr(arguments, name) for name in ("distilabel", "curator") if getattr(arguments, name)}
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as scratch, mock_endpoint() as address:
        bench = Bench(address, Path(scratch), arguments.num, arguments.repeats, rivals)
        result: dict[str, Any] = {"machine": machine(), "num": arguments.num}
        for part in arguments.only or PARTS:
            started = time.perf_counter()
            result[part] = PARTS[part](bench)
            print(f"{part} ({time.perf_counter() - started:.0f} s): {json.dumps(result[part])}", flush=True)
        if arguments.out is not None:
            arguments.out.write_text(json.dumps(result, indent=1) + "\n")


@contextmanager
def mock_endpoint() -> Iterator[str]:
    """A mock in a process of its own; its address."""
    command = [sys.executable, "-m", "experiments.bench.mock_endpoint", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait()


def machine() -> dict[str, object]:
    return {
        "python": platform.python_version(), "kernel": platform.release(), "cores": os.cpu_count(),
        "load": [round(value, 1) for value in os.getloadavg()],
    }  # fmt: skip


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS)
    parser.add_argument("--num", type=int, default=3000, help="requests a job; a multiple of 8")
    parser.add_argument("--repeats", type=int, default=3, help="of the speed part")
    parser.add_argument("--distilabel", type=Path, help="an environment that has it")
    parser.add_argument("--curator", type=Path, help="an environment that has it")
    parser.add_argument("--scratch", type=Path, help="a directory on the disk to measure; default: the system's")
    parser.add_argument("--out", type=Path, help="a JSON file for the figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
