"""ROUGE and CodeBLEU against what is computed here by hand, and against the codebleu package."""

from __future__ import annotations

import math
import os
import random
import re
import subprocess
import sys
from collections import Counter

import codebleu
import pytest
from rouge_score.rouge_scorer import RougeScorer

from rlaif.metrics.codebleu import MAX_LOOP_DEPTH, CodeBleu
from rlaif.metrics.rouge import Rouge, RougeKind

REFERENCE = "import json\ndata = json.loads(text)\nfor key in data:\n    value = data[key]\n    print(key, value)\n"
CLOSE = "import json\nrows = json.loads(text)\nfor key in rows:\n    print(key, rows[key])\n"


@pytest.fixture(scope="module")
def scorer() -> CodeBleu:
    return CodeBleu()


def tokens(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def longest_common_subsequence(a: list[str], b: list[str]) -> int:
    lengths = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            lengths[i + 1][j + 1] = lengths[i][j] + 1 if x == y else max(lengths[i][j + 1], lengths[i + 1][j])
    return lengths[-1][-1]


def f1(overlap: int, num_predicted: int, num_wanted: int) -> float:
    precision, recall = overlap / num_predicted, overlap / num_wanted
    return 2 * precision * recall / (precision + recall) if overlap else 0.0


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("The cat sat on the mat.", "On the mat sat THE cat"),
        (CLOSE, REFERENCE),
        ("<<<api_call>>>: torch.hub.load('a/b', 'c')", "<<<api_call>>>: torch.hub.load('a/b', 'd', pretrained=True)"),
        ("nothing shared", "at all"),
    ],
)
def test_rouge_is_the_f1_of_shared_tokens(text: str, reference: str) -> None:
    scores = Rouge("rouge1", "rougeL").score(text, reference)
    assert scores is not None
    a, b = tokens(text), tokens(reference)
    assert scores["rougeL"] == pytest.approx(f1(longest_common_subsequence(a, b), len(a), len(b)), abs=1e-12)
    assert scores["rouge1"] == pytest.approx(f1((Counter(a) & Counter(b)).total(), len(a), len(b)), abs=1e-12)


def test_rouge_of_an_empty_text_is_0_and_without_a_reference_none() -> None:
    assert Rouge().score("", "something") == {"rougeL": 0.0}
    assert Rouge().score("something", " \n") is None


def bleu_by_hand(candidate: list[str], reference: list[str]) -> float:
    """BLEU-4 with add-0.1 for orders without a match, as in Papineni et al. and the package's smoothing."""
    logs = []
    for order in range(1, 5):
        got = Counter(zip(*(candidate[i:] for i in range(order)), strict=False))
        wanted = Counter(zip(*(reference[i:] for i in range(order)), strict=False))
        logs.append(math.log(((got & wanted).total() or 0.1) / got.total()))
    brevity = min(1.0, math.exp(1 - len(reference) / len(candidate)))
    return brevity * math.exp(sum(logs) / 4)


def test_ngram_part_by_hand(scorer: CodeBleu) -> None:
    score = scorer.score(CLOSE, REFERENCE)
    assert score is not None
    assert score.ngram == pytest.approx(bleu_by_hand(CLOSE.split(), REFERENCE.split()), abs=1e-12)


@pytest.mark.parametrize("code", [CLOSE, REFERENCE, "x = 1\nprint(x)", "value = data[key]", "def f(:\n  data = 3"])
def test_parts_are_those_of_the_package(scorer: CodeBleu, code: str) -> None:
    package = codebleu.calc_codebleu([REFERENCE], [code], "python")
    score = scorer.score(code, REFERENCE)
    assert score is not None
    assert score.ngram == pytest.approx(package["ngram_match_score"], abs=1e-12)
    assert score.weighted_ngram == pytest.approx(package["weighted_ngram_match_score"], abs=1e-12)
    assert score.syntax == pytest.approx(package["syntax_match_score"], abs=1e-12)
    assert score.dataflow == pytest.approx(package["dataflow_match_score"], abs=1e-12)
    if package["dataflow_match_score"]:
        assert score.codebleu == pytest.approx(package["codebleu"], abs=1e-12)
    else:
        assert score.codebleu == pytest.approx(package["codebleu"] - 0.25, abs=1e-12)


def test_a_reference_without_data_flow_stands_on_three_parts(
    scorer: CodeBleu, caplog: pytest.LogCaptureFixture
) -> None:
    score = scorer.score("print(2)", "print(1)")
    assert score is not None
    assert score.dataflow is None
    assert score.codebleu == pytest.approx((score.ngram + score.weighted_ngram + score.syntax) / 3, abs=1e-12)
    assert not caplog.records
    assert scorer.num_without_dataflow(["print(1)", REFERENCE, None, "", "f()"]) == 2


def test_the_same_code_scores_1(scorer: CodeBleu) -> None:
    score = scorer.score(REFERENCE, REFERENCE)
    assert score is not None
    assert (score.codebleu, score.dataflow) == (1.0, 1.0)


def test_no_code_scores_0_and_no_reference_is_none(scorer: CodeBleu) -> None:
    for code in (None, "", "  \n"):
        score = scorer.score(code, REFERENCE)
        assert score is not None
        assert (score.codebleu, score.dataflow) == (0.0, 0.0)
    assert scorer.score(CLOSE, None) is None
    assert scorer.score(CLOSE, " ") is None


def test_what_the_package_cannot_score_is_none(scorer: CodeBleu) -> None:
    nested = "".join("  " * depth + f"for x{depth} in y:\n" for depth in range(MAX_LOOP_DEPTH + 1))
    assert scorer.score(nested, REFERENCE) is None
    assert scorer.score("x = '\ud800'", REFERENCE) is None


def test_dataflow_does_not_depend_on_the_hash_seed() -> None:
    reference = "total = 0\nfor i in a:\n    total = total + i * b + c\nfor i in a:\n    total = total + b + i\n"
    code = reference.replace("total", "s").replace("b", "beta").replace("c", "gamma")
    program = (
        "import sys\nfrom rlaif.metrics.codebleu import CodeBleu\n"
        f"print(CodeBleu().score({code!r}, {reference!r}).dataflow)"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2", "3", "4")
    }  # fmt: skip
    assert printed == {"1.0\n"}


@pytest.mark.parametrize(
    "text",
    [
        "Привет, мир",
        "你好世界",
        "こんにちは",
        "안녕 세상",
        "हिन्दी में",
        "مرحبا بالعالم",
        "Γειά σου",
        "สวัสดี",
        "naïve café",
        "🎉",
    ],
)
def test_rouge_of_a_text_against_itself_is_one_in_every_script(text: str) -> None:
    kinds: tuple[RougeKind, ...] = ("rouge1", "rougeL")
    assert Rouge(*kinds).score(text, text) == {"rouge1": 1.0, "rougeL": 1.0}
    assert Rouge(*kinds).score(text, "other words") == {"rouge1": 0.0, "rougeL": 0.0}


def test_rouge_of_other_scripts_is_the_f1_of_shared_tokens() -> None:
    scores = Rouge("rouge1", "rougeL").score("мир труд май", "май мир")
    assert scores is not None
    assert scores["rouge1"] == pytest.approx(f1(2, 3, 2)) and scores["rougeL"] == pytest.approx(f1(1, 3, 2))
    characters = Rouge("rouge1").score("你好世界", "世界你们")
    assert characters is not None and characters["rouge1"] == pytest.approx(f1(3, 4, 4))


def test_rouge_of_ascii_is_the_packages_own() -> None:
    official = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
    rng = random.Random(0)
    alphabet = [chr(code) for code in range(128)] + ["the ", "cat ", "x_1 ", "a.b(c) "] * 20
    for _ in range(300):
        text, reference = ("".join(rng.choices(alphabet, k=rng.randrange(1, 60))) for _ in range(2))
        expected = {kind: score.fmeasure for kind, score in official.score(reference, text).items()}
        assert Rouge("rouge1", "rouge2", "rougeL").score(text, reference) == (expected if reference.strip() else None)
