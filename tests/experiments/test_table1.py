"""Table 1: which split a hub gets, what is pooled, and the tables from finished runs."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from experiments.table1.run import data_directory, overrides
from experiments.table1.tables import pool, write_results
from rlaif.records import Evaluation, write_records
from rlaif.runs import Run


def evaluation(example: str, passed: bool) -> Evaluation:
    return Evaluation(
        sample_id=example, example_id=example, ast_gorilla=passed, hallucinated_gorilla=False, ast_strict=passed,
        hallucinated_strict=False, exact_call=passed, rouge_l=0.5, codebleu=0.5, codebleu_ngram=None,
        codebleu_weighted_ngram=None, codebleu_syntax=None, codebleu_dataflow=None, api="f",
        verdict="pass" if passed else "fault", failure="" if passed else "name",
    )  # fmt: skip


def finished(directory: Path, stage: str, metrics: dict[str, int], found: list[Evaluation]) -> Run:
    directory.mkdir(parents=True)
    write_records(directory / "evaluations.jsonl", found)
    (directory / "provenance.json").write_text(
        json.dumps({"commit": "c", "versions": {}, "input_digest": None} | {"started": "2026-01-01T00:00:00Z"})
    )
    (directory / "config.yaml").write_text("reads: {evaluation: {temperature: 0.5}}\n")
    run = Run(stage, "f", directory)
    run.finish(metrics)
    return run


def job(directory: Path, hub: str, seed: int, passed: bool) -> dict[str, Run]:
    """A finished job of two examples: SFT always fails, RLAIF passes as told."""
    ids = [f"{hub}-eval-{index:04}" for index in range(2)]
    rows = {"references": True, "responses": True, "sft": False, "rl": passed}
    runs = {
        f"evaluate_{row}": finished(
            directory / f"{hub}{seed}{row}", f"evaluate_{row}", {}, [evaluation(id, right) for id in ids]
        )
        for row, right in rows.items()
    }
    sizes = {"num_train": 8, "num_validation": 1, "num_eval": 2}
    return runs | {
        "data": finished(directory / f"{hub}{seed}data", "data", sizes, []),
        "sft": finished(directory / f"{hub}{seed}sft_policy", "sft", {"num_parameters": 450_000}, []),
    }


def test_train_files_decide_the_split(tmp_path: Path) -> None:
    assert "data.split=seeded" in overrides("tensorflow", 1, tmp_path, "runs")
    (tmp_path / "apibench").mkdir()
    (tmp_path / "apibench" / "tensorflow_train.json").touch()
    line = overrides("tensorflow", 1, tmp_path, "runs")
    assert "data.split=official" in line and "seed=1" in line and "strong_sft.enabled=true" in line
    assert "data.split=seeded" in overrides("huggingface", 1, tmp_path, "runs")


def test_without_data_one_line_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"no such directory.*git clone .*gorilla.*APIBENCH="):
        data_directory(tmp_path / "nowhere")


def test_pooling_keeps_seeds_apart_and_leaves_out_rows_that_a_hub_lacks() -> None:
    a, b = evaluation("a", True), evaluation("b", True)
    found = pool([{"sft": [[a], [a]], "responses": [[a]]}, {"sft": [[b], [b]]}])
    assert found == {"sft": [[a, b], [a, b]]}


def test_tables_of_finished_runs(tmp_path: Path) -> None:
    """RLAIF passes all in seed 0 and none in seed 1."""
    found = {
        hub: [job(tmp_path / "runs", hub, seed, passed=seed == 0) for seed in (0, 1)]
        for hub in ("torchhub", "huggingface")
    }
    write_results(found, tmp_path / "results")
    for name in ("torchhub", "huggingface", "pooled"):
        with (tmp_path / "results" / f"{name}.csv").open() as file:
            rows = {row["row"]: row for row in csv.DictReader(file)}
        policies = ["Gorilla-7B (recorded)", "SFT", "SFT, best of n", "RLAIF (PPO)"]
        assert list(rows) == [*policies, "references", "RLAIF - SFT"]
        assert rows["SFT, best of n"]["executability"] == ""
        assert float(rows["RLAIF - SFT"]["executability"]) == 0.5
        num_examples = 4 if name == "pooled" else 2
        assert int(rows["SFT"]["num"]) == 2 * num_examples
        assert int(rows["Gorilla-7B (recorded)"]["num"]) == num_examples
    page = (tmp_path / "results" / "table1.md").read_text()
    assert "8 training records, 1 validation records, 2 eval records; policies of 0.45 million" in page
    assert page.count("| RLAIF - SFT |") == 3
    assert page.count("| SFT, best of n | - | - |") == 3
    assert page.count("decoding: temperature 0.5 (Gorilla-7B: as recorded)") == 3
    provenance = json.loads((tmp_path / "results" / "provenance.json").read_text())
    assert provenance["runs"]["torchhub"][1]["evaluate_sft"]["run"] == "torchhub1sft"
