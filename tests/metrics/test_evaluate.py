"""From completions to a summary, with figures that can be counted on fingers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rlaif.data.apibench import read_apibench
from rlaif.execution import Verdict
from rlaif.metrics.evaluate import evaluate_texts
from rlaif.metrics.seeds import compare_seeds, summarize_seeds
from rlaif.metrics.summary import METRICS
from rlaif.records import ApiRow, Evaluation, Example, Sample

DATABASE = [ApiRow("json.loads(s)", "Structured", ""), ApiRow("json.dumps(obj)", "Structured", "")]
REFERENCE = """<<<domain>>>: Structured
<<<api_call>>>: json.loads('[1]')
<<<code>>>: import json
x = json.loads('[1]')
print(x)"""
EXAMPLES = {id: Example(id, "Read [1].", REFERENCE, "json.loads('[1]')", "Structured", "", "eval") for id in "ab"}


def sample(id: str, example_id: str, text: str) -> Sample:
    return Sample(id, example_id, text, "sft", 0, "stop")


SAMPLES = [
    sample("s1", "a", REFERENCE),
    sample("s2", "a", "<<<api_call>>>: json.dumps([1])\n<<<code>>>: import json\nprint(json.dumps(x))"),
    sample("s3", "b", "<<<api_call>>>: json.parse('[1]')\n<<<code>>>: import absent"),
    sample("s4", "b", "<<<domain>>>: Structured"),
]


def evaluation(id: str, **metrics: Any) -> Evaluation:
    """One whose other metrics could not be computed."""
    missing = {field.name: None for field in dataclasses.fields(Evaluation)}
    known = {"sample_id": id, "example_id": id, "verdict": "pass", "failure": "", "message": ""}
    return Evaluation(**{**missing, **known, **metrics})


def run(snippets: Sequence[str | None]) -> list[Verdict]:
    """Stands for the executor: what it would say of these."""
    verdicts = {
        "print(json.dumps(x))": Verdict("fault", "name", "name 'x' is not defined", 2, 0.1),
        "import absent": Verdict("inconclusive", "package_missing", "absent", 1, 0.1),
        "print(x)": Verdict("pass", "", "", None, 0.1),
    }
    no_code = Verdict("fault", "no_code", "", None, 0.0)
    return [no_code if code is None else verdicts[code.splitlines()[-1]] for code in snippets]


def test_each_sample_gets_every_metric() -> None:
    first, second, third, fourth = evaluate_texts(SAMPLES, EXAMPLES, DATABASE, run)
    assert first == Evaluation(
        "s1", "a", ast_gorilla=None, hallucinated_gorilla=None, ast_strict=True, hallucinated_strict=False,
        exact_call=True, rouge_l=1.0, codebleu=1.0, codebleu_ngram=1.0, codebleu_weighted_ngram=1.0,
        codebleu_syntax=1.0, codebleu_dataflow=1.0, api="json.loads", verdict="pass", failure="",
    )  # fmt: skip
    assert (second.ast_strict, second.hallucinated_strict, second.exact_call) == (False, False, False)
    assert (second.verdict, second.failure, second.message) == ("fault", "name", "name 'x' is not defined")
    assert (second.line, second.api, third.api, fourth.api) == (2, "json.dumps", "json.parse", None)
    assert second.codebleu is not None
    assert 0 < second.codebleu < 1
    assert (third.ast_strict, third.hallucinated_strict, third.verdict) == (False, True, "inconclusive")
    assert (fourth.ast_strict, fourth.hallucinated_strict, fourth.codebleu) == (False, False, 0.0)
    assert fourth.rouge_l == pytest.approx(2 * 2 / (2 + 16))  # both its tokens, of 2 and of 16


def test_recorded_escapes_do_not_lower_rouge() -> None:
    escaped = sample("s", "a", REFERENCE.replace("\n", "\\n") + '\\n"')
    (evaluation,) = evaluate_texts([escaped], EXAMPLES, DATABASE, run)
    assert evaluation.rouge_l == 1.0


def test_summary_counts() -> None:
    summary = summarize_seeds([evaluate_texts(SAMPLES, EXAMPLES, DATABASE, run)])
    assert (summary.num, summary.num_examples) == (4, 2)
    assert summary.ast_strict == summary.hallucinated_strict == summary.exact_call == pytest.approx(1 / 4)
    assert summary.executability == pytest.approx(1 / 4)
    assert summary.executability_conditional == pytest.approx(1 / 3)
    assert summary.num_missing["executability_conditional"] == 1
    assert summary.verdicts == {"fault": 2, "pass": 1, "inconclusive": 1}
    assert set(summary.failures.items()) == {("name", 1), ("no_code", 1), ("package_missing", 1)}
    assert summary.scalars()["failure_name"] == 1
    assert summary.mean("ast_strict") == summary.ast_strict


def test_conditional_is_of_passes_and_faults_alone() -> None:
    verdicts: list[Verdict] = [
        Verdict(status, "", "", None, 0.1)  # type: ignore[arg-type]
        for status in ("pass", "fault", "unknown_api", "inconclusive")
    ]
    summary = summarize_seeds([evaluate_texts(SAMPLES, EXAMPLES, DATABASE, lambda snippets: verdicts)])
    assert summary.executability == pytest.approx(1 / 4)
    assert summary.executability_conditional == pytest.approx(1 / 2)
    assert summary.num_missing["executability_conditional"] == 2


def test_what_was_not_run_is_missing_not_a_failure() -> None:
    summary = summarize_seeds([evaluate_texts(SAMPLES, EXAMPLES, DATABASE, None)])
    assert summary.executability is None
    assert summary.executability_conditional is None
    assert summary.num_missing["executability"] == 4
    assert summary.scalars()["executability"] is None
    assert summary.ast_strict == pytest.approx(1 / 4)


def test_a_metric_without_values_is_none_and_nothing_is_none_of_an_empty_set() -> None:
    summary = summarize_seeds([evaluate_texts(SAMPLES, EXAMPLES, [], run)])
    assert summary.ast_strict is None
    assert summary.num_missing["ast_strict"] == 4
    assert summary.exact_call == pytest.approx(1 / 4)
    assert summarize_seeds([[]]).num == 0
    assert all(getattr(summarize_seeds([[]]), metric) is None for metric in METRICS)


def test_differences_are_paired_by_example() -> None:
    base = [evaluation(str(i), ast_strict=i % 2 == 0, rouge_l=i / 100) for i in range(100)]
    better = [dataclasses.replace(one, rouge_l=(one.rouge_l or 0) + 0.1) for one in base]
    found = compare_seeds([better], [base[:80]], tested=()).intervals
    assert found["rouge_l"].mean == pytest.approx(0.1)
    assert found["rouge_l"].half_width == pytest.approx(0, abs=1e-9)
    assert found["ast_strict"].mean == 0
    assert "codebleu" not in found
    assert compare_seeds([better[:10]], [base[10:]], tested=()).intervals == {}


def test_verdicts_have_to_be_one_a_sample() -> None:
    with pytest.raises(RuntimeError, match="gave 0 verdicts for 4"):
        evaluate_texts(SAMPLES, EXAMPLES, DATABASE, lambda snippets: [])


def test_references_score_1_against_themselves(apibench_dir: Path) -> None:
    examples, _ = read_apibench(apibench_dir / "apibench" / "torchhub_eval.json", "torchhub", "eval")
    references = [Sample(one.id, one.id, one.reference, "reference", 0, "stop") for one in examples]
    evaluations = evaluate_texts(references, {one.id: one for one in examples}, [], None)
    summary = summarize_seeds([evaluations], resamples=200)
    assert summary.rouge_l == pytest.approx(1.0)
    assert summary.codebleu == pytest.approx(1.0)
    assert summary.num_missing["codebleu"] <= 1


@pytest.mark.parametrize("place", ["data = {}", "print(json.dumps({}, indent={}))", "print(json.dumps([{{1: -{}}}]))"])
@pytest.mark.parametrize("number", ["1" * 5000, "0x1" + "f" * 5000])
def test_a_number_of_five_thousand_digits_ends_no_evaluation(place: str, number: str) -> None:
    code = "import json\n" + place.format(number, number)
    call = f"json.dumps({number})"
    text = f"<<<api_call>>>: {call}\n<<<code>>>: {code}"
    rows = [*DATABASE, ApiRow(call, "Structured", "")]
    (found,) = evaluate_texts([sample("s", "a", text)], EXAMPLES, rows, None, "huggingface")
    assert found.ast_strict is False and found.exact_call is False
