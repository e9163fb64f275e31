"""Source text of trees of any size and depth."""

from __future__ import annotations

import ast

import pytest

from rlaif.source.scopes import names_defined, undefined_names
from rlaif.source.written import number_text, source_of

HUGE = "0x1" + "f" * 5000


@pytest.mark.parametrize("code", ["f(1, a='x')", "[1, {2: 3}]", "-1 + 2j"])
def test_ordinary_source_is_that_of_the_standard_library(code: str) -> None:
    node = ast.parse(code, mode="eval").body
    assert source_of(node) == ast.unparse(node)


def test_a_number_of_five_thousand_digits_is_written_in_hexadecimal() -> None:
    tree = ast.parse(f"f({HUGE}, [-{HUGE}], 7)", mode="eval").body
    assert source_of(tree) == f"f({HUGE}, [-{HUGE}], 7)"
    assert ast.literal_eval(source_of(tree.args[0])) == int(HUGE, 16)  # type: ignore[attr-defined]
    assert number_text(int(HUGE, 16)) == HUGE and number_text(1.5) == "1.5"


def test_what_is_nested_too_deep_is_an_ellipsis_and_has_no_undefined_names() -> None:
    tree = ast.parse("y = x\nz" + "[0]" * 900)
    deep = tree.body[1]
    for _ in range(2000):
        deep = ast.Expr(ast.UnaryOp(ast.Not(), deep.value))  # type: ignore[attr-defined]
    module = ast.Module([tree.body[0], deep], [])
    assert source_of(deep) == "..."
    assert undefined_names(module) == [] and names_defined(module) == {"y"}


def test_the_names_that_a_module_has() -> None:
    code = "import a.b, c as d\nfrom e import *\nx, (y, *z) = 1, (2, 3)\ndef f(p):\n    q = 1\n"
    tree = ast.parse(code + "class G:\n    h = 1\n[i for i in x]\n")
    assert names_defined(tree) == {"a", "d", "*", "x", "y", "z", "f", "G"}
