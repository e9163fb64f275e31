"""The embedded data set: every reference runs, and nothing of eval is in train."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import importlib
import io
import os
import re
import subprocess
import sys
from collections import Counter

import pytest

from rlaif.config import MiniConfig
from rlaif.data.completion import parse_completion, render_completion
from rlaif.data.mini import Task, all_tasks, generate
from rlaif.data.mini.generate import distinct_values
from rlaif.data.mini.task import expand
from rlaif.errors import UserError
from rlaif.records import ApiRow, Example

Data = tuple[list[Example], list[ApiRow]]


@pytest.fixture(scope="module")
def data() -> Data:
    return generate(MiniConfig())


def callee_of(call: str) -> str:
    node = ast.parse(call, mode="eval").body
    assert isinstance(node, ast.Call), call
    return ast.unparse(node.func)


def run_error(code: str) -> str:
    """What the program raises, or nothing."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(code, "reference", "exec"), {"__name__": "__main__"})
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def test_sizes_ids_and_splits(data: Data) -> None:
    examples, database = data
    assert 60 <= len(database) <= 80
    assert 15 <= len({row.domain for row in database}) <= 22
    for split, per_api in (("train", 40), ("eval", 4)):
        ids = [example.id for example in examples if example.split == split]
        assert ids == [f"mini-{split}-{number:04d}" for number in range(1, per_api * len(database) + 1)]
    callees = Counter(callee_of(example.api_call) for example in examples)
    assert set(callees.values()) == {44}


def test_every_reference_runs(data: Data) -> None:
    failures = []
    for example in data[0]:
        code = parse_completion(example.reference).code or ""
        if error := run_error(code):
            failures.append(f"{example.id}: {error}\n{code}")
    assert not failures, "\n\n".join(failures[:10])


def test_references_are_canonical_and_name_their_call(data: Data) -> None:
    for example in data[0]:
        completion = parse_completion(example.reference)
        assert render_completion(completion) == example.reference
        assert completion.api_call == example.api_call
        assert (completion.domain, completion.api_provider) == (example.domain, example.provider)
        assert f"{callee_of(example.api_call)}(" in (completion.code or "")
        assert 2 <= len((completion.code or "").splitlines()) <= 6


def test_every_callee_exists_and_is_in_the_database(data: Data) -> None:
    examples, database = data
    rows = {row.name: row for row in database}
    assert len(rows) == len(database)
    assert {callee_of(example.api_call) for example in examples} == set(rows)
    for name, row in rows.items():
        assert row.api_call.startswith(f"{name}(")
        assert callable(resolve(name)), name


def resolve(name: str) -> object:
    """The object behind a qualified name: the longest importable prefix, then attributes."""
    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        with contextlib.suppress(ModuleNotFoundError):
            found: object = importlib.import_module(".".join(parts[:cut]))
            for part in parts[cut:]:
                found = getattr(found, part)
            return found
    raise AssertionError(f"{name} is not importable")


def test_no_instruction_or_program_of_eval_is_in_train(data: Data) -> None:
    train = [example for example in data[0] if example.split == "train"]
    held_out = [example for example in data[0] if example.split == "eval"]
    assert not {example.instruction for example in train} & {example.instruction for example in held_out}
    assert not {example.reference for example in train} & {example.reference for example in held_out}


@pytest.mark.parametrize("task", all_tasks(), ids=lambda task: task.callee)
def test_phrasings_and_values_are_held_out(task: Task) -> None:
    assert len(task.phrasings("train")) >= 16 and len(task.phrasings("eval")) >= 4
    assert not set(task.phrasings("train")) & set(task.phrasings("eval"))
    train = {repr(values) for seed in range(3) for values in distinct_values(task, "train", 40, seed)}
    held_out = {repr(values) for seed in range(3) for values in distinct_values(task, "eval", 4, seed)}
    assert not train & held_out


def test_a_wording_gives_every_combination_of_its_alternatives() -> None:
    expanded = ["Sort {n} up.", "Sort {n} down.", "Order {n} up.", "Order {n} down."]
    assert expand("[Sort|Order] {n} [up|down].") == expanded
    assert expand("Sort it.") == ["Sort it."]
    assert expand("Sort it[| now].") == ["Sort it.", "Sort it now."]


def test_no_two_tasks_can_be_asked_for_alike() -> None:
    owners: dict[str, set[str]] = {}
    for task in all_tasks():
        for phrasing in task.all_phrasings():
            owners.setdefault(re.sub(r"{\w+", "{", phrasing).lower(), set()).add(task.callee)
    assert not {phrasing: callees for phrasing, callees in owners.items() if len(callees) > 1}


@pytest.mark.parametrize("task", all_tasks(), ids=lambda task: task.callee)
def test_held_out_phrasings_recombine_words_that_training_sees(task: Task) -> None:
    seen = {word for phrasing in task.phrasings("train") for word in phrasing.split()}
    unseen = {word for phrasing in task.phrasings("eval") for word in phrasing.split()} - seen
    assert not unseen


def test_explanations_and_lengths_stay_short(data: Data) -> None:
    assert all(len(task.explanation.split()) <= 15 for task in all_tasks())
    assert max(len(example.instruction) for example in data[0]) <= 160
    assert max(len(example.reference) for example in data[0]) <= 520


def test_same_seed_same_data_whatever_the_hash_seed(data: Data) -> None:
    assert generate(MiniConfig()) == data
    script = (
        "import hashlib; from rlaif.config import MiniConfig; from rlaif.data.mini import generate;"
        "print(hashlib.sha256(repr(generate(MiniConfig())).encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_another_seed_gives_other_data(data: Data) -> None:
    other = generate(MiniConfig(seed=1))[0]
    same = {example.reference for example in other} & {example.reference for example in data[0]}
    assert len(same) < 0.2 * len(other)


def test_used_up_values_are_one_clear_error() -> None:
    task = dataclasses.replace(all_tasks()[0], draw=lambda random: {"key": "age", "n": random.randint(0, 9)})
    with pytest.raises(UserError, match=r"json\.loads has only [0-9] value combinations for train, 40 are"):
        distinct_values(task, "train", 40, seed=0)
