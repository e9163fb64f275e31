"""Corrupt bodies through the whole client: no crash, and none counted as a verdict."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from experiments.bench.feedback_client import requests
from experiments.bench.feedback_job import Bench
from experiments.bench.mock_endpoint import digest_of, truth

NUM_BODIES = 10_000


def corrupt(bench: Bench) -> dict[str, Any]:
    """10,000 corrupt bodies among sound ones, through the whole client: whatever is a verdict is the truth.

    A job that holds the endpoint for down, after ten requests in a row that failed for good, has ended early.
    """
    found = Counter[str]()
    kinds = Counter[str]()
    run = 0
    while found["bodies"] < NUM_BODIES:
        bench.script(corrupt_share=0.7, delay_s=0.01)
        run += 1
        name = f"corrupt {run}"
        process = bench.start(name, max_attempts=6, salt=run)
        printed, _ = process.communicate()
        stats = bench.stats()
        found["bodies"] += stats["num_corrupt"]
        kinds.update(stats["corrupt_kinds"])
        if process.returncode:
            found["crashes"] += 1
            continue
        found["ended_early"] += bool(json.loads(printed.splitlines()[-1])["stopped"])
        verdicts = [json.loads(line)["p_yes"] for line in bench.labels(name).splitlines()]
        for request, verdict in zip(requests(bench.num, salt=run), verdicts, strict=True):
            if verdict is not None:
                messages = [{"role": role, "content": text} for role, text in request.messages]
                found["verdicts"] += 1
                found["not_the_truth"] += abs(verdict - truth(digest_of(messages))) > 1e-3
            else:
                found["without_a_verdict"] += 1
        found["sound_answers"] += stats["num_answered"]
    # Each sound answer is one verdict: what is more would come from a corrupt body.
    more = found["verdicts"] - found["sound_answers"]
    return {
        "bodies": found["bodies"], "kinds": len(kinds), "fewest_of_a_kind": min(kinds.values()), "jobs": run,
        "crashes": found["crashes"], "ended_early": found["ended_early"], "verdicts": found["verdicts"],
        "without_a_verdict": found["without_a_verdict"], "from_corrupt_bodies": more,
        "not_the_truth": found["not_the_truth"],
    }  # fmt: skip
