"""A reference's assertion states what its program really gives."""

from __future__ import annotations

import pytest

from rlaif.config import MiniConfig
from rlaif.data.completion import parse_completion
from rlaif.data.mini import generate
from rlaif.data.mini.assertion import with_assertion


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("import math\nprint(math.gcd(12, 18))", ["result = math.gcd(12, 18)", "assert result == 6", "print(result)"]),
        ("a = 'x'\nprint(a * 3)", ["result = a * 3", "assert result == 'xxx'", "print(result)"]),
        ("print(2 / 3)", ["result = round(2 / 3, 2)", "assert result == 0.67", "print(result)"]),
        ("print(1 / 4)", ["result = 1 / 4", "assert result == 0.25", "print(result)"]),
        ("items = [1, 2]\nprint(items.pop(0))", ["result = items.pop(0)", "assert result == 1", "print(result)"]),
    ],
)
def test_the_printed_value_is_asserted(code: str, lines: list[str]) -> None:
    checked = with_assertion(code)
    assert checked is not None
    assert checked.splitlines()[-3:] == lines
    assert checked.splitlines()[:-3] == code.splitlines()[:-1]


@pytest.mark.parametrize(
    "code",
    [
        "print(1, 2)",  # not one value
        "print(object())",  # no literal
        "print('x' * 40)",  # too long to state
        "print(None)",
        "if True:\n    print(1)",  # not the program's last word
    ],
)
def test_what_has_no_short_result_stays_as_it_is(code: str) -> None:
    assert with_assertion(code) is None


@pytest.mark.parametrize(("fraction", "low", "high"), [(0.0, 0.0, 0.0), (0.5, 0.35, 0.5), (1.0, 0.7, 0.9)])
def test_the_fraction_decides_how_many_references_assert(fraction: float, low: float, high: float) -> None:
    examples, _ = generate(MiniConfig(train_per_api=10, eval_per_api=4, asserted_fraction=fraction))
    codes = [parse_completion(example.reference).code or "" for example in examples]
    assert low <= sum("assert result ==" in code for code in codes) / len(codes) <= high
