"""Undefined names: what Python would complain about, and what it would not."""

from __future__ import annotations

import ast

import pytest

from rlaif.source.scopes import undefined_names


def found(code: str) -> list[tuple[str, int]]:
    return [(one.name, one.line) for one in undefined_names(ast.parse(code))]


FINE = [
    "import os.path as p, sys\nprint(p, sys)",
    "x = 1\nx += 1\nprint(__name__, __file__, x)",
    "print([y for x in [[1]] for y in x if y])",
    "print({k: v for k, v in {}.items()}, (i for i in ()))",
    "if (n := len('a')) > 1:\n    print(n)",
    "print([m := 1 for _ in range(2)], m)",
    "def f(a, *b, c=1, **d):\n    return a, b, c, d, g()\ndef g():\n    return f",
    "f = lambda x, y=1: x + y",
    "def f():\n    global g\n    g = 1\nf()\nprint(g)",
    "def f():\n    x = 1\n    def g():\n        nonlocal x\n        x += 1\n        return x\n    return g",
    "try:\n    import json\nexcept ImportError as e:\n    print(e)\nelse:\n    print(json)",
    "class A:\n    x = 1\n    y = x\n    def m(self):\n        return __class__, A\nclass B(A): pass",
    "with open('f') as f, open('g') as (a, b):\n    print(f, a, b)",
    "for i in range(3):\n    if i:\n        print(last)\n    last = i\nprint(i, last)",
    "while True:\n    if done:\n        break\n    done = True",
    "match [1]:\n    case [x, *rest]:\n        print(x, rest)\n    case {'a': y, **more}:\n        print(y, more)",
    "from os import *\nprint(getcwd(), anything)",
    "async def f():\n    async for x in y():\n        await x\n    async with z() as w:\n        print(w)\ny = z = f",
    "@property\ndef f(x: int) -> str: ...",
    "x: int = 1\nprint(x)",
    "def f(n):\n    return n and f(n - 1)",
    "del_me = 1\ndel del_me",
    "print(f'{len([])!r:>{10}}')",
    "class A:\n    n = 3\n    xs = [i for i in range(n)]",
]

WRONG = [
    ("print(x)", [("x", 1)]),
    ("print(x)\nx = 1", [("x", 1)]),
    ("x = x + 1", [("x", 1)]),
    ("x += 1", [("x", 1)]),
    ("def f():\n    return y", [("y", 2)]),
    ("def f():\n    print(x)\n    x = 1\nx = 2", [("x", 2)]),
    ("print([i for i in xs])", [("xs", 1)]),
    ("[i for i in []]\nprint(i)", [("i", 2)]),
    ("class A:\n    x = 1\n    def m(self):\n        return x", [("x", 4)]),
    ("def f(a=missing):\n    pass", [("missing", 1)]),
    ("@missing\ndef f(): pass", [("missing", 1)]),
    ("x: int\nprint(x)", [("x", 2)]),
    ("class A(B): pass", [("B", 1)]),
    ("np.array([1])\ntorch.ones(1)\nnp.ones(2)", [("np", 1), ("torch", 2)]),
    ("print(f'{name}')", [("name", 1)]),
    ("lambda: a", [("a", 1)]),
    ("with thing() as t: pass", [("thing", 1)]),
    ("def f():\n    import json\njson.dumps(1)", [("json", 3)]),
]


@pytest.mark.parametrize("code", FINE)
def test_no_false_alarm(code: str) -> None:
    assert found(code) == []


@pytest.mark.parametrize(("code", "expected"), WRONG)
def test_undefined_names_are_found(code: str, expected: list[tuple[str, int]]) -> None:
    assert found(code) == expected
