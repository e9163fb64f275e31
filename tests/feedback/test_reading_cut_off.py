"""Replies that ran into their limit: what they weigh before the cut is not what they conclude."""

from __future__ import annotations

import pytest

from tests.feedback.phrasings import GRADE, word_said

UNFINISHED = [
    "Okay, the code imports json, so no, wait,",
    "Let me look at the imports first, then",
    "Hmm, so yes, the import is",
    "The answer is no? Let me look",
    "Line 1 is fine. Line 2 is not. No,",
]


@pytest.mark.parametrize("text", UNFINISHED)
def test_what_is_weighed_before_a_cut_is_no_answer(text: str) -> None:
    assert word_said(text, finish_reason="length") is None


@pytest.mark.parametrize(("text", "expected"), [("Yes, the code", "yes"), ("No", "no"), ("**No**, since", "no"),
                                                ("It runs. \\boxed{yes} because", "yes"),
                                                ("The answer to the question is no", "no")])  # fmt: skip
def test_an_answer_that_comes_before_a_cut_counts(text: str, expected: str) -> None:
    assert word_said(text, finish_reason="length") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("8", "8"), ("8. The code is", "8"), ("Score: 8", "8"), ("The score for this output is 8", "8"),
     ("I would rate this output 7", "7"), ("I would give it an 8", "8"), ("1. The code is", None),
     ("Okay, line 3 is odd, so 4", None), ("It makes 3 calls, which", None)],
)  # fmt: skip
def test_a_grade_before_a_cut(text: str, expected: str | None) -> None:
    assert word_said(text, GRADE, finish_reason="length") == expected
