"""Draws failures to judge by hand: is each one the code's fault, as its verdict says?

    python -m experiments.executability.draw DETAILS [--num 20]

DETAILS is what `run --details` wrote, for one environment or more; so many are drawn of each.
Verdicts are as a reward meets them: settled, a library's error held only against ids whose own
reference passes. Writes judged.jsonl beside this file: the drawn ones, each with `judgement`
and `reason` to be filled in by hand; what is filled in already is kept.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

JUDGED = Path(__file__).with_name("judged.jsonl")
SEED = 0


@dataclass(frozen=True)
class Judged:
    """One failure, and what a reader made of it."""

    environment: str
    rows: str
    """references, or whose answers."""
    id: str
    kind: str
    message: str
    line: int | None
    code: str
    judgement: str = ""
    """right: the code is at fault; wrong: the environment, the hub or a sample file is; empty: nobody has read it."""
    reason: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("details", type=Path)
    parser.add_argument("--num", type=int, default=20, help="of each environment")
    arguments = parser.parse_args()
    known = {key_of(one): one for one in read_judged()}
    drawn: list[Judged] = []
    for environment in sorted(path for path in arguments.details.iterdir() if path.is_dir()):
        failures = list(failures_in(environment))
        chosen = random.Random(SEED).sample(failures, min(arguments.num, len(failures)))
        drawn += [known.get(key_of(one), one) for one in chosen]
        print(f"{environment.name}: {len(chosen)} of {len(failures)} failures")
    JUDGED.write_text("".join(f"{json.dumps(asdict(one))}\n" for one in drawn), encoding="utf-8")
    print(told(drawn))


def failures_in(environment: Path) -> Iterator[Judged]:
    """All verdicts that blame the code, in an order that does not depend on the machine."""
    for path in sorted(environment.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            one = json.loads(line)
            if one["status"] == "fault":
                facts = (one["id"], one["kind"], one["message"], one["line"], one["code"])
                yield Judged(path.parent.name, path.stem, *facts)


def key_of(one: Judged) -> tuple[str, str, str, str]:
    return one.environment, one.rows, one.id, one.code


def read_judged() -> list[Judged]:
    if not JUDGED.exists():
        return []
    return [Judged(**json.loads(line)) for line in JUDGED.read_text(encoding="utf-8").splitlines()]


def told(drawn: Sequence[Judged]) -> str:
    counts = Counter(one.judgement or "not judged" for one in drawn)
    return ", ".join(f"{name}: {number}" for name, number in sorted(counts.items()))


if __name__ == "__main__":
    main()
