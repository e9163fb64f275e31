"""Seeded generation of the embedded data set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import islice
from random import Random

from rlaif.config import MiniConfig
from rlaif.data.mini import containers, numeric, structured, text
from rlaif.data.mini.task import PROVIDER, Task
from rlaif.data.mini.values import Values
from rlaif.errors import UserError
from rlaif.records import ApiRow, Example, Split

FAMILIES = (structured, containers, text, numeric)

EVAL_SHARE = 5
"""One in this many programs belongs to eval."""

MAX_MISSES = 2000
"""Draws in a row without a new combination after which a task's values count as used up."""


def generate(config: MiniConfig) -> tuple[list[Example], list[ApiRow]]:
    """The examples of both splits, and the database with one row per API.

    Train and eval share neither a phrasing nor a program. The same config gives
    the same data on every machine. Examples go round the APIs, so that any prefix of a split
    covers them evenly. Raises UserError where an API has too few distinct values.
    """
    tasks = all_tasks()
    examples = [
        *split_examples(tasks, "train", config.train_per_api, config),
        *split_examples(tasks, "eval", config.eval_per_api, config),
    ]
    return examples, [ApiRow(task.api, task.domain, PROVIDER, task.callee) for task in tasks]


def all_tasks() -> list[Task]:
    return [task for family in FAMILIES for task in family.TASKS]


def split_examples(tasks: list[Task], split: Split, per_api: int, config: MiniConfig) -> list[Example]:
    draws = [distinct_values(task, split, per_api, config.seed) for task in tasks]
    phrasings = [task.phrasings(split) for task in tasks]
    turns = [(turn, which) for turn in range(per_api) for which in range(len(tasks))]
    habits = Random(f"mini:{config.seed}:{split}:assertions")
    return [
        make_example(
            f"mini-{split}-{number:04d}", tasks[which], draws[which][turn], split,
            phrasings[which][turn % len(phrasings[which])],
            asserted=habits.random() < config.asserted_fraction,
        )
        for number, (turn, which) in enumerate(turns, 1)
    ]  # fmt: skip


def make_example(id: str, task: Task, values: Values, split: Split, phrasing: str, *, asserted: bool) -> Example:
    return Example(
        id=id,
        instruction=phrasing.format(**values),
        reference=task.completion(values, asserted=asserted),
        api_call=task.concrete_call(values),
        domain=task.domain,
        provider=PROVIDER,
        split=split,
    )


def distinct_values(task: Task, split: Split, count: int, seed: int) -> list[Values]:
    """`count` different combinations of values that belong to the split."""
    drawn = list(islice(new_values(task, split, seed), count))
    if len(drawn) < count:
        raise UserError(
            f"data.mini: {task.callee} has only {len(drawn)} value combinations for {split}, "
            f"{count} are asked for; lower {split}_per_api"
        )
    return drawn


def new_values(task: Task, split: Split, seed: int) -> Iterator[Values]:
    """The split's combinations in the order in which they are drawn, each once."""
    random = Random(f"mini:{seed}:{split}:{task.callee}")
    seen: set[str] = set()
    misses = 0
    while misses < MAX_MISSES:
        values = task.draw(random)
        key = task.completion(values)
        if key in seen or split_of(task, key) != split:
            misses += 1
            continue
        seen.add(key)
        misses = 0
        yield values


def split_of(task: Task, key: str) -> Split:
    """A program's split follows from its text alone: no seed moves it across."""
    digest = hashlib.sha256(f"{task.callee}:{key}".encode()).digest()
    return "eval" if int.from_bytes(digest[:4], "big") % EVAL_SHARE == 0 else "train"
