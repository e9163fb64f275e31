"""The main job on the embedded data with seeds 0, 1 and 2; writes results/.

    .venv/bin/python -m experiments.demo.run
"""

from __future__ import annotations

from pathlib import Path

from experiments.results import copy_results, launch, locate, seeds_table

RESULTS = Path(__file__).parent / "results"
SEEDS = (0, 1, 2)


def main() -> None:
    """Launch the sweep, then put its figures side by side."""
    launch("-m", f"seed={','.join(map(str, SEEDS))}")
    by_seed = {seed: locate(f"seed={seed}") for seed in SEEDS}
    for seed, runs in by_seed.items():
        copy_results(runs, RESULTS / f"seed{seed}")
    table = seeds_table(by_seed)
    (RESULTS / "seeds.md").write_text(table, encoding="utf-8")
    print(table)


if __name__ == "__main__":
    main()
