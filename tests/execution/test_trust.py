"""What a library's error says about the code, given the references; pass rates and their pinned values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlaif.execution.api_ids import ids_named, ids_of
from rlaif.execution.reference_rates import PINNED, PinnedRates, Rates, find_pinned, rates_of, warning_about
from rlaif.execution.trust import passed_ids, settle
from rlaif.execution.verdict import Status, Verdict
from rlaif.records import ApiRow

CALLS = [
    "AutoModel.from_pretrained('owner/good')",
    "pipeline('text-classification', model='owner/bad')",
    "hub.load('https://tfhub.dev/google/x/1')",
    "torch.hub.load(repo_or_dir='pytorch/vision:v0.10.0', model='resnet18', pretrained=True)",
    "torch.hub.load(repo_or_dir='pytorch/vision', model='vgg11')",
    "pipeline('summarization')",
    "huggingface_sb3.load_from_hub('owner/agent')",
    "pipeline('text-to-image', model=owner/unquoted)",
]
KNOWN = ids_of([ApiRow(call, "", "") for call in CALLS])


def verdict(status: Status, kind: str = "", raised_in: str = "") -> Verdict:
    return Verdict(status, kind, "", None, 0.1, raised_in)


PASS = verdict("pass")
LIBRARY = verdict("fault", "value", "library")


def test_ids_of_rows() -> None:
    expected = [
        {"owner/good"}, {"owner/bad"}, {"https://tfhub.dev/google/x/1"}, {"pytorch/vision", "resnet18"},
        {"pytorch/vision", "vgg11"}, {"owner/agent"}, {"owner/unquoted"},
    ]  # fmt: skip
    assert frozenset(map(frozenset, expected)) == KNOWN


def test_a_row_without_an_id_in_its_call_is_known_by_its_name() -> None:
    assert ids_of([ApiRow("joblib.load('model.joblib')", "", "", name="owner/wine")]) == {frozenset(["owner/wine"])}
    assert ids_of([ApiRow("joblib.load('model.joblib')", "", "", name="Wine quality")]) == frozenset()


def test_ids_are_named_by_all_of_their_literals() -> None:
    assert ids_named("m = 'pytorch/vision:v0.9'\nload(m, 'vgg11')", KNOWN) == {frozenset(("pytorch/vision", "vgg11"))}
    assert ids_named("load('pytorch/vision')  # vgg11", KNOWN) == frozenset()
    assert ids_named("load('owner/good'", KNOWN) == ids_named(None, KNOWN) == frozenset()


def test_passed_ids_are_of_passing_references() -> None:
    references = ["f('owner/good')", "f('owner/bad')", None]
    passed = passed_ids(references, [PASS, LIBRARY, verdict("fault", "no_code")], KNOWN)
    assert passed == {frozenset({"owner/good"})}


GOOD, BAD = "f('owner/good')", "f('owner/bad')"
SETTLED = [
    (BAD, LIBRARY, ("inconclusive", "mirror_gap")),
    (GOOD, LIBRARY, ("fault", "value")),
    ("f('owner/nobody')", LIBRARY, ("fault", "value")),
    (GOOD + "\n" + BAD, LIBRARY, ("fault", "value")),
    (BAD, verdict("fault", "value", "snippet"), ("fault", "value")),
    (BAD, verdict("fault", "value", "stdlib"), ("fault", "value")),
    (BAD, verdict("fault", "attribute", "library"), ("inconclusive", "mirror_gap")),
    (BAD, verdict("fault", "name", "library"), ("fault", "name")),
    (BAD, verdict("fault", "import", "library"), ("fault", "import")),
    (BAD, verdict("fault", "syntax"), ("fault", "syntax")),
    (BAD, verdict("fault", "timeout"), ("fault", "timeout")),
    (BAD, PASS, ("pass", "")),
    (BAD, verdict("unknown_api", "repository", "library"), ("unknown_api", "repository")),
]


@pytest.mark.parametrize(("code", "given", "expected"), SETTLED)
def test_settle(code: str, given: Verdict, expected: tuple[str, str]) -> None:
    (settled,) = settle([given], [code], frozenset([frozenset({"owner/good"})]), KNOWN)
    assert (settled.status, settled.kind) == expected
    assert settled.seconds == given.seconds


def test_ids_of_the_real_databases(apibench_dir: Path) -> None:
    """Nearly every row of the hubs names what it loads."""
    for name, least in (("huggingface", 0.97), ("tensorflowhub", 0.85), ("torchhub", 0.97)):
        lines = (apibench_dir / "api" / f"{name}_api.jsonl").read_text().splitlines()
        rows = [ApiRow(row["api_call"], "", "", row["api_name"]) for row in map(json.loads, lines)]
        assert sum(bool(ids_of([row])) for row in rows) / len(rows) >= least, name


def test_rates() -> None:
    verdicts = [PASS] * 3 + [LIBRARY] + [verdict("unknown_api"), verdict("inconclusive")] * 2
    rates = rates_of(verdicts)
    assert rates == Rates(3, 1, 2, 2)
    assert (rates.strict, rates.conditional) == (3 / 8, 3 / 4)
    assert (rates_of([]).strict, rates_of(verdicts[4:]).conditional) == (None, None)


def test_warning_when_references_fall() -> None:
    pinned = PinnedRates(0.90, 0.95)
    assert warning_about("torchhub", Rates(88, 4, 0, 8), pinned) is None  # 88.0 and 95.7: two points are allowed
    warning = warning_about("torchhub", Rates(87, 3, 0, 10), pinned)
    assert warning is not None
    assert "torchhub" in warning
    assert "strict 87.0% against 90.0%" in warning
    assert "conditional" not in warning
    assert "\n" not in warning
    assert "conditional 90.0% against 95.0%" in (warning_about("torchhub", Rates(90, 10, 0, 0), pinned) or "")
    assert warning_about("torchhub", rates_of([]), pinned) is None


def test_pinned_rates_are_of_just_these_references() -> None:
    for (environment, data_set), pinned in PINNED.items():
        assert find_pinned(environment, data_set, pinned.num) == pinned
        assert find_pinned(environment, data_set, pinned.num - 1) is None
    assert find_pinned("hf2023", "torchhub", 186) is None
    assert warning_about("tf2023", Rates(500, 187, 0, 0), PINNED["tf2023", "tensorflow"]) is not None
    assert warning_about("tf2023", Rates(550, 137, 0, 0), PINNED["tf2023", "tensorflow"]) is None
