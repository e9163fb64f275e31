"""How much processor time it takes to read 10,000 completions, with nothing else done.

    python -m experiments.bench.parsing --apibench DIR [--number 10000]

References, Gorilla's recorded answers and the references' code in plain fences and bare, in equal parts and drawn with
a seed. Prints the time and how many hold code, so that a fast run that read nothing does not pass. To compare two
versions, run it in both check-outs, one beside the other.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path

from rlaif.data.apibench import read_apibench
from rlaif.data.completion import parse_completion

REFERENCES = (("huggingface", "eval"), ("tensorflow", "eval"), ("torchhub", "eval"), ("torchhub", "train"))
REPEATS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--apibench", type=Path, required=True, help="the folder with apibench/ and responses/")
    parser.add_argument("--number", type=int, default=10_000, help="completions to read")
    arguments = parser.parse_args()
    kinds = completions(arguments.apibench)
    for name, texts in kinds.items():
        print(f"  {name:10} {1e6 * min(seconds(texts) for _ in range(REPEATS)) / len(texts):6.1f} us each")
    rng = random.Random(0)
    share = arguments.number // len(kinds)
    mixed = [text for texts in kinds.values() for text in rng.choices(texts, k=share)]
    rng.shuffle(mixed)
    fastest = min(seconds(mixed) for _ in range(REPEATS))
    num_code = sum(parse_completion(text).code is not None for text in mixed)
    print(f"{len(mixed)} completions: {fastest:.3f} s of one processor; {num_code} hold code")


def completions(directory: Path) -> dict[str, list[str]]:
    """By kind, texts as the pipeline meets them."""
    references: list[str] = []
    for hub, split in REFERENCES:
        examples, _ = read_apibench(directory / "apibench" / f"{hub}_{split}.json", hub, split)  # type: ignore[arg-type]
        references += [example.reference for example in examples]
    files = sorted((directory / "responses").glob("*.jsonl"))
    recorded = [json.loads(line)["text"] for path in files for line in path.read_text().splitlines()]
    codes = [code for reference in references if (code := parse_completion(reference).code) is not None]
    fenced = [f"Here is the code:\n\n```python\n{code}\n```\n\nIt loads the model." for code in codes]
    return {"references": references, "recorded": recorded, "fenced": fenced, "bare": codes}


def seconds(texts: list[str]) -> float:
    """Processor time of reading them all once."""
    start = time.process_time()
    for text in texts:
        parse_completion(text)
    return time.process_time() - start


if __name__ == "__main__":
    main()
