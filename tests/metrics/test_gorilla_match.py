"""Gorilla's AST match: its quirks one by one, and its scripts' own verdicts on the recorded answers.

The expected verdicts are those of the unmodified functions of ast_eval_{hf,tf,th}.py under tree-sitter 0.20.4 with
the grammar in that repository: how many are right, how many hallucinated, and a digest of the verdicts one by
one. Changed answers are there so that the rules are followed and not the figures.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rlaif.data.api_database import read_database
from rlaif.data.apibench import read_apibench
from rlaif.data.responses import load_responses
from rlaif.metrics import python_2023
from rlaif.metrics.evaluate import evaluate_texts
from rlaif.metrics.gorilla_match import HUBS, GorillaMatch, GorillaMatcher, Hub, cut_call
from rlaif.records import ApiRow, Example, Sample

VARIANTS: dict[str, Callable[[str], str]] = {
    "recorded": lambda text: text,
    "escaped_once_more": lambda text: json.dumps(text)[1:-1],
    "unescaped": lambda text: text.replace("\\n", "\n").replace('\\"', '"').replace("\\'", "'"),
    "spaced": lambda text: text.replace("(", "( ").replace(",", " , ").replace("=", " = "),
    "truncated": lambda text: text[: len(text) * 3 // 5],
    "without_marker": lambda text: text.replace("api_call", "call"),
    "a_sentence_before": lambda text: text.replace("api_call>>>:", "api_call>>>: It's (in short):"),
}

# (file, Gorilla) -> variant -> (right, hallucinated, digest of all verdicts)
OFFICIAL: dict[tuple[str, str], dict[str, tuple[int, int, str]]] = {
    ("huggingface", "FT"): {
        "recorded": (627, 99, "0f531feb15c7"),
        "escaped_once_more": (627, 99, "0f531feb15c7"),
        "unescaped": (630, 95, "db8fe19f1ed8"),
        "spaced": (620, 107, "75342b544520"),
        "truncated": (626, 100, "f36b644ac7f1"),
        "without_marker": (480, 279, "b90090de48b7"),
        "a_sentence_before": (2, 854, "e296635a6425"),
    },
    ("huggingface", "RT"): {
        "recorded": (809, 59, "61a4d1205b02"),
        "unescaped": (820, 47, "d61e2a29198b"),
    },
    ("tensorflowhub", "FT"): {
        "recorded": (574, 37, "bf8917e91d3e"),
        "escaped_once_more": (575, 36, "6b4947bbca4a"),
        "unescaped": (582, 24, "68edb14e2d66"),
        "spaced": (574, 37, "bf8917e91d3e"),
        "truncated": (569, 42, "5cb22c7df166"),
        "without_marker": (532, 90, "f1c85e8d89dc"),
        "a_sentence_before": (11, 674, "640b58b55b2f"),
    },
    ("tensorflowhub", "RT"): {
        "recorded": (0, 685, "a5e132d87098"),
    },
    ("torchhub", "FT"): {
        "recorded": (141, 30, "15d510baa2ca"),
        "escaped_once_more": (141, 30, "15d510baa2ca"),
        "unescaped": (141, 30, "15d510baa2ca"),
        "spaced": (141, 30, "15d510baa2ca"),
        "truncated": (139, 32, "160bffb9e9e5"),
        "without_marker": (0, 0, "ffef04616fdc"),
        "a_sentence_before": (141, 30, "15d510baa2ca"),
    },
    ("torchhub", "RT"): {
        "recorded": (0, 0, "ffef04616fdc"),
    },
}
FILE_OF: dict[Hub, str] = {"huggingface": "huggingface", "tensorflow": "tensorflowhub", "torchhub": "torchhub"}

RIGHT, OTHER, UNKNOWN = GorillaMatch(True, False), GorillaMatch(False, False), GorillaMatch(False, True)


def row(call: str, domain: str = "d") -> ApiRow:
    return ApiRow(call, domain, "")


VGG = "torch.hub.load(repo_or_dir='a/b', model='vgg11')"


def answer(call: str) -> str:
    return f"<<<domain>>>: d\n<<<api_call>>>: {call}\n<<<api_provider>>>: p"


@pytest.mark.parametrize(
    ("hub", "rows", "call", "expected"),
    [
        ("torchhub", [row(VGG)], "torch.hub.load('a/b', 'vgg11_bn')", RIGHT),
        ("torchhub", [row(VGG)], "torch.hub.load('a/b', 'vgg13')", UNKNOWN),
        ("torchhub", [row("torch.hub.load('a/b', 'vgg11')")], "torch.hub.load('a/b', 'vgg11')", UNKNOWN),
        ("torchhub", [row("model = torch.hub.load(repo_or_dir='a/b')")], "torch.hub.load('a/b')", UNKNOWN),
        ("huggingface", [row("A.load('x', y=2)")], "A.load('x', 2)", RIGHT),
        ("huggingface", [row("A.load('x', y=2)")], "A.load('x')", UNKNOWN),
        ("huggingface", [row("A.load('x')")], "B.load('x')", UNKNOWN),
        ("huggingface", [row("A.load('a')")], "B.load('b')(a)", RIGHT),
        ("huggingface", [row("f('x')", "other"), row("f('x')")], "f('x')", OTHER),
        ("huggingface", [row("f('x=y')")], "f('anything at all')", RIGHT),
        ("tensorflow", [row("f('x', y=2)")], "f('x', y = 2)", UNKNOWN),
        ("tensorflow", [row("f('x', model=2)")], "f('x', 2)", RIGHT),
        ("huggingface", [row("f()"), row("./run.sh")], "f()", UNKNOWN),
    ],
)  # fmt: skip
def test_quirks(hub: Hub, rows: list[ApiRow], call: str, expected: GorillaMatch) -> None:
    assert GorillaMatcher(rows, hub).match(answer(call), "d") == expected


def test_any_identical_row_may_give_the_domain() -> None:
    rows = [row("f('x')", "other"), row("f('x')"), row("f('x', 1)", "third")]
    matcher = GorillaMatcher(rows, "huggingface", any_identical=True)
    assert matcher.match(answer("f('x')"), "d") == RIGHT
    assert matcher.match(answer("f('x')"), "third") == OTHER


def test_how_the_call_is_cut_out() -> None:
    assert cut_call(answer("f(1)"), "torchhub") == "f(1)"
    assert cut_call("'api_call': 'f(1)', 'api_provider'", "torchhub") == "'f(1)"
    assert cut_call("api_call: f(1) api_call: g(2)", "torchhub") == "f(1)"
    assert cut_call("api_call: GPT-3.", "huggingface") == "GPT-3"
    assert cut_call("call: f(1)", "torchhub") is None
    assert cut_call("call: f(1)", "tensorflow") == "call: f(1)"
    assert GorillaMatcher([row("f(1)")], "torchhub").match("call: f(1)", "d") == OTHER


@pytest.mark.parametrize("text", ["", "api_call", "api_call:", "api_call: \ud800(", "api_call: " + "(" * 5000, "\0)"])
@pytest.mark.parametrize("hub", HUBS)
def test_any_text_has_a_verdict(hub: Hub, text: str) -> None:
    assert not GorillaMatcher([row("f('x')")], hub).match(text, "d").correct


def read(hub: Hub, kind: str, apibench_dir: Path) -> tuple[list[ApiRow], dict[str, Example], list[Sample]]:
    file = FILE_OF[hub]
    rows, _ = read_database(apibench_dir / "api" / f"{file}_api.jsonl")
    examples, _ = read_apibench(apibench_dir / "apibench" / f"{hub}_eval.json", hub, "eval")
    samples = load_responses(apibench_dir / "responses" / f"response_{file}_Gorilla_{kind}_0_shot.jsonl", examples)
    return rows, {example.id: example for example in examples}, samples


@pytest.mark.parametrize("kind", ["FT", "RT"])
@pytest.mark.parametrize("hub", HUBS)
def test_the_scripts_verdicts_one_by_one(hub: Hub, kind: str, apibench_dir: Path) -> None:
    rows, examples, samples = read(hub, kind, apibench_dir)
    matcher = GorillaMatcher(rows, hub)
    for name, expected in OFFICIAL[FILE_OF[hub], kind].items():
        matches = [matcher.match(VARIANTS[name](one.text), examples[one.example_id].domain) for one in samples]
        verdicts = "".join("C" if one.correct else "H" if one.hallucinated else "w" for one in matches)
        digest = hashlib.sha256(verdicts.encode()).hexdigest()[:12]
        assert (verdicts.count("C"), verdicts.count("H"), digest) == expected, name


def test_the_published_figure_of_hugging_face(apibench_dir: Path) -> None:
    rows, examples, samples = read("huggingface", "FT", apibench_dir)
    matcher = GorillaMatcher(rows, "huggingface", any_identical=True)
    num_right = sum(matcher.match(one.text, examples[one.example_id].domain).correct for one in samples)
    assert (num_right, len(samples)) == (648, 904)


def test_an_evaluation_has_it_on_a_hub_only() -> None:
    example = Example("e", "", answer("f('x')"), "f('x')", "d", "", "eval")
    sample = Sample("s", "e", answer("f('x')"), "sft", 0, "stop")
    for hub, expected in (("huggingface", (True, False)), (None, (None, None)), ("elsewhere", (None, None))):
        (evaluation,) = evaluate_texts([sample], {"e": example}, [row("f('x')")], None, hub)
        assert (evaluation.ast_gorilla, evaluation.hallucinated_gorilla) == expected


def test_without_a_compiler_it_is_left_out_and_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    python_2023.python_2023.cache_clear()
    example = Example("e", "", answer("f('x')"), "f('x')", "d", "", "eval")
    (evaluation,) = evaluate_texts(
        [Sample("s", "e", answer("f('x')"), "sft", 0, "stop")], {"e": example}, [row("f('x')")], None, "huggingface"
    )
    assert evaluation.ast_gorilla is None
    assert "needs a C compiler" in caplog.text
    python_2023.python_2023.cache_clear()
