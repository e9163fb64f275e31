"""How long the text metrics of Hugging Face's 904 recorded answers take; nothing is run.

    python -m experiments.bench.metrics --apibench DIR

Both kinds of AST match, ROUGE, CodeBLEU and the called API, in one process. Prints the wall-clock and the
processor time, and what was measured, so that a fast run that measured nothing does not pass.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from rlaif.data.api_database import read_database
from rlaif.data.apibench import read_apibench
from rlaif.data.responses import load_responses
from rlaif.metrics.evaluate import evaluate_texts
from rlaif.metrics.seeds import summarize_seeds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--apibench", type=Path, required=True, help="the folder with api/, apibench/ and responses/")
    directory = parser.parse_args().apibench
    rows, _ = read_database(directory / "api" / "huggingface_api.jsonl")
    examples, _ = read_apibench(directory / "apibench" / "huggingface_eval.json", "huggingface", "eval")
    samples = load_responses(directory / "responses" / "response_huggingface_Gorilla_FT_0_shot.jsonl", examples)
    wall, processor = time.perf_counter(), time.process_time()
    evaluations = evaluate_texts(samples, {one.id: one for one in examples}, rows, None, "huggingface")
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    print(f"{len(evaluations)} answers: {wall:.1f} s on the clock, {processor:.1f} s of one processor")
    summary = summarize_seeds([evaluations], resamples=200)
    for metric, interval in summary.intervals.items():
        print(f"  {metric:26} {interval.mean:.4f}  missing {summary.num_missing[metric]}")
    print(f"  distinct_apis {summary.distinct_apis}, without data flow {summary.num_without_dataflow}")


if __name__ == "__main__":
    main()
