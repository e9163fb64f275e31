"""Gorilla's Torch Hub data, official split: recorded Gorilla-7B answers, SFT, RLAIF, references; writes results/.

    .venv/bin/python -m experiments.table1.run DIRECTORY_OF_APIBENCH
"""

from __future__ import annotations

import sys
from pathlib import Path

from experiments.results import copy_results, launch, locate

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Launch the experiment and copy its table and provenance."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m experiments.table1.run DIRECTORY_OF_APIBENCH")
    overrides = ("experiment=apibench_torchhub", f"data.dir={sys.argv[1]}")
    launch(*overrides)
    copy_results(locate(*overrides), RESULTS)
    print((RESULTS / "table.txt").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
