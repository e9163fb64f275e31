"""One program in every dress: the same code, whatever is around it, and no code where there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlaif.data.completion import parse_completion, render_completion
from tests.data.renderings import DRAFT, HOLDS, NONE, PLAIN, PROGRAM, SHELL

F = "```"
OUTSIDE_THE_FILE = {
    "a shell fence first": f"{SHELL}\n\n{PLAIN}",
    "CRLF": PLAIN.replace("\n", "\r\n"),
    "a draft in a thought": f"<think>\nA draft:\n{DRAFT}\n</think>\n\n{PLAIN}",
    "a closing fence alone": f"{PROGRAM}\n{F}",
}


def shared_cases() -> list[dict[str, str]]:
    path = Path(__file__).resolve().parents[3] / "shared" / "cases" / "renderings.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.parametrize("case", shared_cases(), ids=lambda case: case["name"])
def test_the_shared_renderings(case: dict[str, str]) -> None:
    assert parse_completion(case["text"]).code == case["code"]


@pytest.mark.parametrize("name", OUTSIDE_THE_FILE)
def test_the_dresses_that_are_not_in_the_file(name: str) -> None:
    assert parse_completion(OUTSIDE_THE_FILE[name]).code == PROGRAM


@pytest.mark.parametrize("name", HOLDS)
def test_the_same_code_in_every_dress(name: str) -> None:
    text, code = HOLDS[name]
    assert parse_completion(text).code == code


@pytest.mark.parametrize("name", HOLDS)
def test_what_was_read_survives_the_canonical_form(name: str) -> None:
    completion = parse_completion(HOLDS[name][0])
    assert parse_completion(render_completion(completion)) == completion


@pytest.mark.parametrize("text", NONE)
def test_no_code_stays_none(text: str) -> None:
    assert parse_completion(text).code is None
