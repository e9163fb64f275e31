"""What takes turns: ours, TRL at several sizes of micro-batch, and ours without each of its techniques."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.bench.ppo.measure import ROOT
from experiments.bench.ppo.techniques import ACTION_LOGITS, MICRO_BATCHES, ROWS_DROPPED, TECHNIQUES

OURS = "ours"
PACKAGE = "experiments.bench.ppo"
SWITCHED_OFF_TODAY = (ACTION_LOGITS, MICRO_BATCHES, ROWS_DROPPED)


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
    return [ours(), *(ours(technique) for technique in (TECHNIQUES if reads_like_trl() else SWITCHED_OFF_TODAY))]


def ours(without: str | None = None) -> Variant:
    module = f"{PACKAGE}.train_ours" if reads_like_trl() else f"{PACKAGE}.train_ours_today"
    return Variant(without or OURS, sys.executable, module, (without,) if without else ())


def reads_like_trl() -> bool:
    """Whether the trainer has its new interface; to go, with train_ours_today.py, when it has."""
    return "output_dir" in (ROOT / "rlaif" / "rl" / "config.py").read_text(encoding="utf-8")
