"""A user's own records, and the embedded data set, through `load_dataset`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlaif.config import DataConfig, DataSource, DataSplit, MiniConfig
from rlaif.data.jsonl import read_jsonl
from rlaif.data.load import load_dataset, source_digest
from rlaif.data.prompt import format_prompt, format_target
from rlaif.errors import UserError


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def test_the_three_ways_to_give_a_reference(tmp_path: Path) -> None:
    path = write(
        tmp_path / "mine.jsonl",
        {"instruction": "One", "reference": "<<<domain>>>: D\n<<<api_call>>>: f()\n<<<code>>>: f()"},
        {"instruction": "Two", "completion": "Run:\n```python\ng()\n```", "id": 7, "split": "eval"},
        {"instruction": "Three", "code": "    if x:\n        h()\n", "api_call": "h()", "domain": "E", "provider": "Q"},
    )
    (one, two, three), problems = read_jsonl(path, "train")
    assert problems == []
    assert (one.id, one.api_call, one.domain, one.split) == ("mine-0000", "f()", "D", "train")
    assert (two.id, two.api_call, two.split) == ("7", "", "eval")
    assert two.reference == "<<<explanation>>>: Run:\n<<<code>>>: g()"
    assert three.reference == "<<<domain>>>: E\n<<<api_call>>>: h()\n<<<api_provider>>>: Q\n<<<code>>>: if x:\n    h()"


def test_malformed_records(tmp_path: Path) -> None:
    good = {"instruction": "a", "code": "b", "id": "i"}
    wrong_split = {**good, "id": "j", "split": "test"}
    rows = [good, good, {"code": "b"}, {"instruction": "a"}, wrong_split, {"instruction": 1}, "\xff"]
    examples, problems = read_jsonl(write(tmp_path / "a.jsonl", *rows), "train")
    assert len(examples) == 1
    assert [(problem.line, problem.reason) for problem in problems][:5] == [
        (2, "id 'i' is taken by an earlier line"),
        (3, "no instruction"),
        (4, "no reference, completion or code"),
        (5, "split 'test' is none of train, validation, eval"),
        (6, "instruction is int, not text"),
    ]
    assert str(problems[1]) == "a.jsonl:3: no instruction"


def test_load_two_files_with_a_relative_name(tmp_path: Path) -> None:
    rows = [{"instruction": f"task {i}", "code": f"f({i})", "api_call": f"f({i % 3})"} for i in range(20)]
    write(tmp_path / "train.jsonl", *rows)
    write(tmp_path / "eval.jsonl", {"instruction": "Task  3", "code": "f(9)", "api_call": "f(9)"}, rows[1])
    config = DataConfig("jsonl", DataSource.jsonl, dir=str(tmp_path), train_file="train.jsonl", eval_file="eval.jsonl")
    dataset = load_dataset(config)
    assert (len(dataset.train), len(dataset.validation), len(dataset.eval)) == (18, 2, 2)
    assert sorted(row.api_call for row in dataset.database) == ["f(0)", "f(1)", "f(2)"]
    assert dataset.leakage.eval_instructions_in_train == 2
    assert dataset.leakage.eval_api_calls_in_train == 1
    assert any("2 eval" in line for line in dataset.describe())


def test_one_file_split_by_seed(tmp_path: Path) -> None:
    path = write(tmp_path / "all.jsonl", *({"instruction": f"t{i}", "code": "f()"} for i in range(50)))
    config = DataConfig("jsonl", DataSource.jsonl, train_file=str(path), split=DataSplit.seeded)
    dataset = load_dataset(config)
    assert (len(dataset.train), len(dataset.validation), len(dataset.eval)) == (36, 4, 10)
    config.split = DataSplit.official
    with pytest.raises(UserError, match="the eval split is empty"):
        load_dataset(config)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data.train_file: no file .*gone\.jsonl"):
        load_dataset(DataConfig("jsonl", DataSource.jsonl, dir=str(tmp_path), train_file="gone.jsonl"))


def test_mini_goes_the_same_way() -> None:
    config = DataConfig("mini", DataSource.mini, mini=MiniConfig(train_per_api=4, eval_per_api=1))
    dataset = load_dataset(config)
    assert len(dataset.train) + len(dataset.validation) == 4 * len(dataset.eval) == 4 * len(dataset.database)
    assert dataset.leakage.eval_instructions_in_train == 0
    digest = source_digest(config)
    config.mini.seed = 1
    assert source_digest(config) != digest
    config.split = DataSplit.seeded
    with pytest.raises(UserError, match="makes its own splits"):
        load_dataset(config)


def test_prompt_and_target_make_the_records_own_format() -> None:
    text = format_prompt("Do it.") + format_target("<<<code>>>: x")
    assert text == "###Instruction: Do it.\n###Output:\n<<<code>>>: x"
