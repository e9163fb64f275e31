"""What judges in use write, and what it says: `wordings/answers.jsonl`, a text a line.

A line's `says` is what the text may be read as: a word, a grade (of one between two, their mean), the letters of a list
of eight (y, n, - for none); null: it is no answer. More than one where people would not agree; what is not among them
would be a wrong answer.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rlaif.feedback.exchange import Reply, Request
from rlaif.feedback.reading_list import read_list
from tests.feedback.phrasings import ASK, CHOICE, GRADE, YES_NO, word_said

FILE = Path(__file__).with_name("wordings") / "answers.jsonl"
ROWS = [json.loads(line) for line in FILE.read_text(encoding="utf-8").split("\n") if line]
REQUESTS = {"yes_no": YES_NO, "grade": GRADE, "choice": CHOICE}
EIGHT = Request(ASK, max_tokens=64, num_answers=8)


def said(row: dict[str, Any]) -> str | None:
    finish_reason = "length" if row.get("cut_off") else "stop"
    if row["kind"] != "list":
        return word_said(row["text"], REQUESTS[row["kind"]], finish_reason)
    readings = read_list(EIGHT, Reply((row["text"],), finish_reason=finish_reason), 8)
    return "".join("-" if one.invalid else "y" if one.probabilities["yes"] > 0.5 else "n" for one in readings)


@pytest.mark.parametrize("kind", [*REQUESTS, "list"])
def test_an_answer_is_read_as_people_would_read_it(kind: str) -> None:
    rows = [row for row in ROWS if row["kind"] == kind]
    assert len(rows) >= 80
    assert not [(row["text"], said(row), row["says"]) for row in rows if said(row) not in row["says"]]
