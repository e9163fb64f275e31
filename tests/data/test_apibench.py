"""APIBench's files: the real ones, and malformed ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlaif.config import DataConfig, DataSource, DataSplit
from rlaif.data.api_database import read_database
from rlaif.data.apibench import read_apibench, split_record
from rlaif.data.completion import parse_completion
from rlaif.data.leakage import Leakage
from rlaif.data.load import load_dataset, responses_path, source_digest
from rlaif.data.locate import apibench_file
from rlaif.data.responses import load_responses
from rlaif.errors import UserError

GOOD = {
    "code": "###Instruction: Find cats.\n###Input: cat.png\n###Output: <<<domain>>>: D\n<<<code>>>: import a\na.f()",
    "api_call": "a.f()",
    "provider": "P",
    "api_data": {"domain": "Detection", "api_arguments": None, "example_code": ["x"], "functionality": ["y"]},
}


def config(directory: Path, hub: str = "torchhub", split: str = "official", **more: object) -> DataConfig:
    return DataConfig("x", DataSource.apibench, hub=hub, dir=str(directory), split=DataSplit[split], **more)  # type: ignore[arg-type]


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def test_a_record_becomes_an_example(tmp_path: Path) -> None:
    (example,), problems = read_apibench(write(tmp_path / "a.json", GOOD), "torchhub", "eval")
    assert example.id == "torchhub-eval-0000"
    assert example.instruction == "Find cats.\n###Input: cat.png"
    assert example.reference == "<<<domain>>>: D\n<<<code>>>: import a\na.f()"
    assert (example.api_call, example.domain, example.provider, example.split) == ("a.f()", "Detection", "P", "eval")
    assert problems == []


def test_instruction_within_the_dict() -> None:
    text = "{'Instruction': \"Find, 'it'.\", 'Input': 'x', 'Output': {'domain': 'D', 'code': 'y = 1'}}"
    instruction, answer = split_record(text)
    assert instruction == "Find, 'it'.\n###Input: x"
    assert parse_completion(answer).code == "y = 1"


def test_bad_lines_are_listed_and_end_nothing(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.json",
        "{torn", "[1]", {"code": 3}, {}, {"code": "###Instruction: x"}, {"code": "###Instruction:\n###Output: y"},
        {**GOOD, "api_call": ["a"]}, {**GOOD, "api_call": None}, {**GOOD, "api_data": "none"}, "", GOOD,
    )  # fmt: skip
    examples, problems = read_apibench(path, "torchhub", "train")
    assert [example.id for example in examples] == ["torchhub-train-0008", "torchhub-train-0010"]
    assert [problem.line for problem in problems] == [1, 2, 3, 4, 5, 6, 7, 8]
    reasons = [problem.reason for problem in problems]
    assert reasons[0].startswith("not JSON")
    assert reasons[2:] == [
        "code is int, not text", "no code field", "no answer", "no instruction",
        "api_call is list, not text", "no api_call",
    ]  # fmt: skip


def test_an_answer_without_code_serves_for_evaluation_only(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", {**GOOD, "code": "###Instruction: Say.\n###Output: Bonjour."}, GOOD)
    examples, problems = read_apibench(path, "torchhub", "eval")
    assert len(examples) == 2 and [problem.dropped for problem in problems] == [False]
    examples, problems = read_apibench(path, "torchhub", "train")
    assert len(examples) == 1 and [problem.dropped for problem in problems] == [True]


def test_a_file_of_bad_lines_is_one_clear_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", "x", "y")
    with pytest.raises(UserError, match=r"a\.json: none of its 2 lines is a usable record; line 1: not JSON"):
        read_apibench(path, "torchhub", "eval")


def test_missing_files_say_how_to_mend_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"nowhere: no such directory \(data.dir\)"):
        load_dataset(config(tmp_path / "nowhere"))
    with pytest.raises(UserError, match=rf"{tmp_path}/apibench/torchhub_eval.json: no such file"):
        load_dataset(config(tmp_path))
    monkeypatch.delenv("RLAIF_APIBENCH_DIR", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    nowhere = DataConfig("x", DataSource.apibench, hub="torchhub", hub_id="gorilla-llm/no-such-set")
    with pytest.raises(UserError, match=r"set data.dir .* clone of github.com/ShishirPatil/gorilla, or connect"):
        load_dataset(nowhere)


def test_flat_layout_and_environment_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "torchhub_eval.json", GOOD)
    monkeypatch.setenv("RLAIF_APIBENCH_DIR", str(tmp_path))
    assert apibench_file(DataConfig("x", DataSource.apibench, hub="torchhub"), path.name) == path


def test_torchhub_official_split(apibench_dir: Path) -> None:
    dataset = load_dataset(config(apibench_dir))
    assert (len(dataset.train), len(dataset.validation), len(dataset.eval)) == (751, 84, 186)
    assert len(dataset.database) == 94 and dataset.database[0].name == "slow_r50"
    assert dataset.leakage == Leakage(0, 0, 186, 186)
    assert "186 (100.0%) share their API call" in dataset.leakage.describe()
    assert sum(problem.dropped for problem in dataset.problems) == 2
    assert dataset.eval[7].id == "torchhub-eval-0007"
    assert all(example.api_call.startswith("torch.hub.load(") for example in dataset.eval)
    assert dataset == load_dataset(config(apibench_dir))


@pytest.mark.parametrize(("hub", "num_rows", "num_dropped"), [("huggingface", 911, 4), ("tensorflow", 688, 1)])
def test_seeded_split_of_an_eval_file(apibench_dir: Path, hub: str, num_rows: int, num_dropped: int) -> None:
    with pytest.raises(UserError, match=rf"{hub}_train.json: no such file.*data.split=seeded"):
        load_dataset(config(apibench_dir, hub))
    dataset = load_dataset(config(apibench_dir, hub, "seeded"))
    assert len(dataset.eval) == round(0.2 * (num_rows - num_dropped))
    assert all(parse_completion(example.reference).code for example in dataset.train)
    ids = [{example.id for example in part} for part in (dataset.train, dataset.validation, dataset.eval)]
    assert len(set.union(*ids)) == sum(map(len, ids)) > num_rows - 25
    other = load_dataset(config(apibench_dir, hub, "seeded", split_seed=1))
    assert {example.id for example in other.eval} != ids[2]


def test_cuts_are_seeded_and_nested(apibench_dir: Path) -> None:
    small = load_dataset(config(apibench_dir, max_train=50, max_eval=10))
    large = load_dataset(config(apibench_dir, max_train=100, max_eval=20))
    assert (len(small.train), len(small.validation), len(small.eval)) == (45, 5, 10)
    assert {example.id for example in small.eval} < {example.id for example in large.eval}


def test_digest_follows_the_content_and_not_the_place(tmp_path: Path) -> None:
    digests = []
    for name, call in (("a", "a.f()"), ("b", "a.f()"), ("c", "a.g()")):
        (tmp_path / name).mkdir()
        for file_name in ("torchhub_train.json", "torchhub_eval.json", "torchhub_api.jsonl"):
            write(tmp_path / name / file_name, {**GOOD, "api_call": call})
        digests.append(source_digest(config(tmp_path / name)))
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(("hub", "number"), [("huggingface", 936), ("tensorflowhub", 696), ("torchhub", 94)])
def test_real_databases(apibench_dir: Path, hub: str, number: int) -> None:
    rows, problems = read_database(apibench_dir / "api" / f"{hub}_api.jsonl")
    assert len(rows) == number and problems == []
    assert all(row.api_call and row.domain and row.provider for row in rows)


@pytest.mark.parametrize(
    ("example_code", "text"),
    [("a\nb", "a\nb"), (["a", "b"], "a\nb"), ({"x": ["a"], "y": "b"}, "a\nb"), (None, ""), (3, "")],
)
def test_example_code_of_any_type_becomes_text(tmp_path: Path, example_code: object, text: str) -> None:
    (row,), _ = read_database(write(tmp_path / "api.jsonl", {"api_call": "f()", "example_code": example_code}))
    assert row.examples == text


@pytest.mark.parametrize(
    ("hub", "name", "number"),
    [("torchhub", "torchhub", 186), ("huggingface", "huggingface", 904), ("tensorflow", "tensorflowhub", 685)],
)
def test_recorded_answers_belong_to_eval_rows(apibench_dir: Path, hub: str, name: str, number: int) -> None:
    examples, _ = read_apibench(apibench_dir / "apibench" / f"{hub}_eval.json", hub, "eval")
    responses = f"responses/response_{name}_Gorilla_FT_0_shot.jsonl"
    path = responses_path(config(apibench_dir, hub, responses_file=responses))
    assert path is not None
    samples = load_responses(path, examples)
    assert len(samples) == number and len({sample.id for sample in samples}) == number
    # Independent of the answers: the question with the same number repeats the example's instruction.
    questions = (apibench_dir / "questions" / f"questions_{name}_0_shot.jsonl").read_text().splitlines()
    asked = {f"{hub}-eval-{row['question_id'] - 1:04d}": row["text"] for row in map(json.loads, questions)}
    by_id = {example.id: example for example in examples}
    for sample in samples:
        example = by_id[sample.example_id]
        assert json.loads(f'"{asked[example.id]}"').split() == example.instruction.split()
        assert (sample.policy, sample.seed, sample.finish_reason) == ("responses", 0, "stop")


def test_responses_of_ones_own(tmp_path: Path) -> None:
    examples, _ = read_apibench(write(tmp_path / "a.json", GOOD, GOOD), "torchhub", "eval")
    answers = [{"example_id": "torchhub-eval-0001", "text": "a"}, {"text": "b"}, {"question_id": 1, "text": "c"}]
    path = write(tmp_path / "r.jsonl", *answers)
    assert [(sample.example_id, sample.text) for sample in load_responses(path, examples)] == [
        ("torchhub-eval-0001", "a"), ("torchhub-eval-0000", "c"),
    ]  # fmt: skip
    with pytest.raises(UserError, match="none of its 1 answers belongs"):
        load_responses(write(tmp_path / "s.jsonl", {"question_id": 9, "text": "a"}), examples)
    assert responses_path(config(tmp_path)) is None
    with pytest.raises(UserError, match=r"data.responses_file: no file .*gone\.jsonl"):
        responses_path(config(tmp_path, responses_file="gone.jsonl"))
