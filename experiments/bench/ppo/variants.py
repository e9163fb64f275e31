"""What takes turns: ours, TRL at several sizes of micro-batch, and ours without each of its techniques."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.bench.ppo.techniques import TECHNIQUES

OURS = "ours"
PACKAGE = "experiments.bench.ppo"


@dataclass(frozen=True)
class Variant:
    """A way to run one rollout and its update."""

    name: str
    python: str
    module: str
    arguments: tuple[str, ...] = ()


def comparison(trl_python: Path, trl_rows: Sequence[int]) -> list[Variant]:
    of_trl = [
        Variant(f"TRL 1.12, {rows} rows a micro-batch", str(trl_python), f"{PACKAGE}.train_trl", (str(rows),))
        for rows in trl_rows
    ]
    return [ours(), *of_trl]


def without_each() -> list[Variant]:
    return [ours(), *map(ours, TECHNIQUES)]


def ours(without: str | None = None) -> Variant:
    return Variant(without or OURS, sys.executable, f"{PACKAGE}.train_ours", (without,) if without else ())
