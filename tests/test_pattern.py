"""A pattern that is compiled with its first use."""

from __future__ import annotations

import re
from typing import Any

import pytest

from rlaif.pattern import Pattern


def test_it_answers_as_the_compiled_one_does() -> None:
    lazy, compiled = Pattern(r"(a+)B", re.IGNORECASE), re.compile(r"(a+)B", re.IGNORECASE)
    text = "xAAb ab"
    for method in ("search", "match", "fullmatch"):
        found, right = getattr(lazy, method)(text, 1), getattr(compiled, method)(text, 1)
        assert (found and found.span()) == (right and right.span())
    assert [match.group(1) for match in lazy.finditer(text)] == compiled.findall(text) == ["AA", "a"]
    assert lazy.sub("-", text) == compiled.sub("-", text)


def test_it_is_compiled_once_and_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    compile_pattern = re.compile

    def noted(pattern: str, flags: Any = 0) -> re.Pattern[str]:
        seen.append(pattern)
        return compile_pattern(pattern, flags)

    monkeypatch.setattr(re, "compile", noted)
    lazy = Pattern("a never-seen pattern")
    assert seen == []
    assert [lazy.search("") for _ in range(3)] == [None] * 3
    assert seen == ["a never-seen pattern"]
