"""Seeded splits. An example's place depends on the seed and its id alone, never on file order."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from rlaif.records import Example, Split


def draw(examples: Sequence[Example], number: int, seed: int, purpose: str) -> set[str]:
    """The ids of ``number`` of the examples; a smaller draw is part of a larger one.

    ``purpose`` keeps draws apart that have the same seed.
    """
    return set(sorted((example.id for example in examples), key=lambda id_: _rank(id_, seed, purpose))[:number])


def split_off(examples: Sequence[Example], fraction: float, seed: int, split: Split) -> list[Example]:
    """The same examples in the same order, with a fraction of the training ones moved to another split.

    At least one is moved and one stays, where there are two and the fraction is above 0.
    """
    train = [example for example in examples if example.split == "train"]
    number = round(fraction * len(train))
    if fraction > 0 and len(train) > 1:
        number = min(max(number, 1), len(train) - 1)
    moved = draw(train, number, seed, split)
    return [replace(example, split=split) if example.id in moved else example for example in examples]


def cut(examples: Sequence[Example], splits: Sequence[Split], number: int | None, seed: int) -> list[Example]:
    """At most ``number`` examples of the splits, drawn; all others as they are. None: no cut."""
    if number is None:
        return list(examples)
    kept = draw([example for example in examples if example.split in splits], number, seed, "cut")
    return [example for example in examples if example.split not in splits or example.id in kept]


def _rank(example_id: str, seed: int, purpose: str) -> bytes:
    return hashlib.sha256(f"{purpose}:{seed}:{example_id}".encode()).digest()
