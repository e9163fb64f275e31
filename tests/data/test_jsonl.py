"""A user's own records, and the embedded data set, through `load_dataset`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlaif.config import DataConfig, DataSource, DataSplit, MiniConfig
from rlaif.data.jsonl import read_jsonl
from rlaif.data.load import load_dataset, source_digest
from rlaif.data.prompt import format_prompt, format_target
from rlaif.data.responses import load_responses
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
    wrong_split = {**good, "id": "j", "split": "none"}
    rows = [good, good, {"code": "b"}, {"instruction": "a"}, wrong_split, {"instruction": 1}, "\xff"]
    examples, problems = read_jsonl(write(tmp_path / "a.jsonl", *rows), "train")
    assert len(examples) == 1
    assert [(problem.line, problem.reason) for problem in problems][:5] == [
        (2, "id 'i' is taken by an earlier line"),
        (3, "no instruction"),
        (4, "no reference, completion or code"),
        (5, "split 'none' is none of train, validation, eval"),
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


@pytest.mark.parametrize(
    "row",
    [
        {"instruction": "Dump.", "output": "Sure:\n```python\nf(1)\n```"},
        {"prompt": "Dump.", "completion": "~~~python\nf(1)\n~~~"},
        {"question": "Dump.", "answer": "```bash\npip install f\n```\n```python\nf(1)\n```"},
        {"problem": "Dump.", "solution": "<code>\nf(1)\n</code>"},
        {"instruction": "Dump.", "completion": "It dumps.", "code": "f(1)"},
        {"instruction": "Dump.", "code": "```python\r\nf(1)\r\n```"},
        {"instruction": "Dump.", "code": "\r\nf(1)\r\n"},
        {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "Dump."},
                      {"role": "assistant", "content": [{"type": "text", "text": "```\nf(1)\n```"}]}]},
        {"prompt": [{"role": "user", "content": "Dump."}],
         "completion": [{"role": "assistant", "content": "```py\nf(1)\n```"}]},
        {"conversations": [{"from": "human", "value": "Dump."}, {"from": "gpt", "value": ">>> f(1)\n1"}]},
    ],
)  # fmt: skip
def test_the_names_and_dresses_that_other_data_sets_use(tmp_path: Path, row: dict[str, object]) -> None:
    (example,), problems = read_jsonl(write(tmp_path / "a.jsonl", row), "train")
    assert example.instruction == "Dump." and problems == []
    assert example.reference.endswith("<<<code>>>: f(1)")


def test_an_input_belongs_to_the_instruction(tmp_path: Path) -> None:
    rows = [{"instruction": "Dump.", "input": given, "output": "import f\nf.g(1)"} for given in ("[1, 2]", "", None)]
    examples, problems = read_jsonl(write(tmp_path / "a.jsonl", *rows), "train")
    assert [example.instruction for example in examples] == ["Dump.\n###Input: [1, 2]", "Dump.", "Dump."]
    assert problems == []


@pytest.mark.parametrize(
    ("name", "split"),
    [("train", "train"), ("TRAIN", "train"), ("val", "validation"), ("valid", "validation"), ("dev", "validation"),
     ("validation", "validation"), ("test", "eval"), ("eval", "eval"), ("Test", "eval"), ("", "train"),
     (None, "train")],
)  # fmt: skip
def test_names_of_splits(tmp_path: Path, name: str | None, split: str) -> None:
    (example,), problems = read_jsonl(
        write(tmp_path / "a.jsonl", {"instruction": "a", "code": "f()", "split": name}), "train"
    )
    assert example.split == split and problems == []


@pytest.mark.parametrize(("id_", "expected"), [(0, "0"), (7.0, "7"), ("x", "x"), ("", "a-0000"), (None, "a-0000")])
def test_ids(tmp_path: Path, id_: object, expected: str) -> None:
    (example,), problems = read_jsonl(
        write(tmp_path / "a.jsonl", {"instruction": "a", "code": "f()", "id": id_}), "train"
    )
    assert example.id == expected and problems == []


def test_what_names_nothing_is_reported(tmp_path: Path) -> None:
    good = {"instruction": "a", "code": "f()", "id": 7}
    rows = [
        good,
        {**good, "id": "7"},
        {**good, "id": True},
        {**good, "id": 0.5},
        {**good, "split": 1},
        {**good, "id": []},
    ]
    _, problems = read_jsonl(write(tmp_path / "a.jsonl", *rows), "train")
    assert [problem.reason for problem in problems] == [
        "id '7' is taken by an earlier line",
        "id is true, neither a text nor a whole number",
        "id is 0.5, neither a text nor a whole number",
        "split is int, not text",
        "id is list, not text",
    ]


def test_a_reference_without_code_is_for_evaluation_only(tmp_path: Path) -> None:
    row = {"instruction": "a", "output": "The function f does that."}
    path = write(tmp_path / "a.jsonl", row, {**row, "split": "test"}, {"instruction": "b", "code": "f()"})
    examples, problems = read_jsonl(path, "train")
    assert [(example.id, example.split) for example in examples] == [("a-0001", "eval"), ("a-0002", "train")]
    assert [(problem.line, problem.dropped) for problem in problems] == [(1, True), (2, False)]


def test_a_field_that_is_not_read_is_said_once(tmp_path: Path) -> None:
    row = {"instruction": "a", "code": "f()", "tests": "assert f()", "source": "mine"}
    _, problems = read_jsonl(write(tmp_path / "a.jsonl", row, row, row), "train")
    assert [str(problem) for problem in problems] == [
        "a.jsonl:1: the field 'tests' is not read, here and further on (kept)"
    ]


def test_lines_that_no_parser_of_json_takes(tmp_path: Path) -> None:
    good = '{"instruction": "a", "code": "f()"}'
    lines = [
        '{"instruction": "a", "code": "f()", "id": ' + "1" * 5000 + "}",
        '{"instruction": "a", "code": "f()", "n": ' + "[" * 100_000 + "}",
        '{"instruction": "a", "instruction": "b", "code": "f()"}',
        '{"instruction": "a", "code": "f()", "id": NaN}',
        '{"instruction": "\\ud800 \\u0000", "code": "f()"}',
    ]
    examples, problems = read_jsonl(write(tmp_path / "a.jsonl", *lines, good), "train")
    assert [example.instruction for example in examples] == ["\ufffd \x00", "a"]
    assert [(problem.line, problem.reason) for problem in problems] == [
        (1, "not JSON that can be read: a number of over 4300 digits"),
        (2, "not JSON that can be read: nested too deep"),
        (3, "'instruction' stands twice, with two values"),
        (4, "id is NaN, neither a text nor a whole number"),
    ]


def test_recorded_answers_name_their_example_by_text_or_number(tmp_path: Path) -> None:
    examples, _ = read_jsonl(write(tmp_path / "a.jsonl", {"instruction": "a", "code": "f()", "id": 0}), "eval")
    path = write(tmp_path / "r.jsonl", {"example_id": 0, "text": "~~~python\nf()\n~~~", "finish_reason": "length"})
    (sample,) = load_responses(path, examples)
    assert (sample.example_id, sample.finish_reason) == ("0", "length")
