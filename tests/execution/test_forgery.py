"""The static check of forged reports on real code: what it flags has to be worth a fault."""

from __future__ import annotations

import ast
import json
import warnings
from pathlib import Path

import pytest

from rlaif.data.apibench import split_record
from rlaif.data.completion import parse_completion
from rlaif.execution.inside.forgery import find_forgery


def flagged(codes: list[str]) -> tuple[int, list[tuple[str, str]]]:
    """(how many of the snippets parse, what is flagged and the snippet)."""
    num, found = 0, []
    for code in codes:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        num += 1
        forgery = find_forgery(tree)
        if forgery is not None:
            found.append((forgery[0], code))
    return num, found


def test_no_reference_and_no_recorded_answer_is_flagged(apibench_dir: Path) -> None:
    texts = []
    for path in sorted((apibench_dir / "apibench").glob("*.json")):
        texts += [split_record(json.loads(line)["code"])[1] for line in path.read_text().splitlines()]
    num_references = len(texts)
    for path in sorted((apibench_dir / "responses").glob("*.jsonl")):
        texts += [json.loads(line)["text"] for line in path.read_text().splitlines()]
    for path in sorted((apibench_dir / "api").glob("*.jsonl")):
        rows = [json.loads(line).get("example_code") for line in path.read_text().splitlines()]
        texts += [row for row in rows if isinstance(row, str)]
    codes = [code for text in texts if (code := parse_completion(text).code)]
    num, found = flagged(codes)
    print(f"{num_references} references, {len(texts)} texts, {len(codes)} with code, {num} parse: {len(found)} flagged")
    assert num > 4000
    assert not found, found[:3]


NOT_FORGED = [
    "model.compile(optimizer='adam')\nmodel.eval()",
    "from torch import compile\ncompile(model)",
    "def compile(x): return x\ncompile(3)",
    "vars = {'x': 1}\nprint(vars)",
    "for locals in []: print(locals)",
    "def f(globals): return globals",
    "image.open(path)\nopen('3')",
    "import os\nos.path.join('proc', 'self')",
    "import importlib\nimportlib.import_module('torch')",
    "print('/process/self', 'dev/fdisk')",
]


@pytest.mark.parametrize("code", NOT_FORGED)
def test_look_alikes_are_not_flagged(code: str) -> None:
    assert find_forgery(ast.parse(code)) is None


FORGED = ["exec = exec\nexec('x')", "if x: exec = 1\nexec('x')", "run = eval", "import io\nio.FileIO(3)",
          "f = '/dev/fd/3'", "from builtins import exec",
          "import importlib as i\ni.import_module('ctypes.util')"]  # fmt: skip


@pytest.mark.parametrize("code", FORGED)
def test_ways_around_are_flagged(code: str) -> None:
    assert find_forgery(ast.parse(code)) is not None
