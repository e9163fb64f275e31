"""Probabilities of yes, by hand."""

from __future__ import annotations

import math

import pytest

from rlaif.feedback.yes_no import TokenLogprobs, YesNo, from_text, from_tokens, word_of


def position(token: str, **top: float) -> TokenLogprobs:
    return TokenLogprobs(token, tuple((name, math.log(probability)) for name, probability in top.items()))


@pytest.mark.parametrize("token", ["yes", " Yes", "YES", "Ġyes", "▁Yes", "**Yes", '"yes"', "yes.", "\nyes"])
def test_variants_of_yes(token: str) -> None:
    assert word_of(token) == "yes"


@pytest.mark.parametrize("token", ["y", "yesterday", "not", "none", "", "yes no", "ye"])
def test_what_is_neither(token: str) -> None:
    assert word_of(token) is None


def test_the_variants_add_up() -> None:
    found = from_tokens([position("Yes", Yes=0.5, yes=0.1, No=0.2, maybe=0.2)])
    assert found is not None
    assert found.p_yes == pytest.approx(0.6 / 0.8)
    assert (found.yes, found.no) == (pytest.approx(0.6), pytest.approx(0.2))


def test_the_answer_token_may_come_late() -> None:
    found = from_tokens([position("Answer", Answer=1.0), position(":", No=0.9), position(" no", no=0.9, yes=0.1)])
    assert found is not None
    assert found.p_yes == pytest.approx(0.1)


def test_no_answer_token_no_probability() -> None:
    assert from_tokens([position("The", Yes=0.4, The=0.6)]) is None
    assert from_tokens([]) is None


def test_low_mass_is_marked() -> None:
    assert YesNo(0.3, 0.1).evidence == "yes 0.3000, no 0.1000, low mass"
    assert "low" not in YesNo(0.4, 0.2).evidence


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yes", True),
        ("Yes.", True),
        (" **No**, because", False),
        ("Answer: yes", True),
        ("The code", None),
        ("", None),
        ("yes and no", None),
        ("Yes/No", None),
        ("Yes, there is no error", True),
        ("<think>no, wait</think>\nYes", True),
        ("nothing", None),
    ],
)
def test_reading_text(text: str, expected: bool | None) -> None:
    assert from_text(text) is expected
