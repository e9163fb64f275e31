"""Replies by hand: what is read from log-probabilities, votes and text, and what is not."""

from __future__ import annotations

import math
import time
from random import Random

import pytest

from rlaif.feedback.claims_in_text import claims_in_text
from rlaif.feedback.exchange import Reply, Request, TokenLogprobs
from rlaif.feedback.reading import NO_REPLY, read
from rlaif.feedback.reading_list import read_list

ASK = (("user", "?"),)
YES_NO = Request(ASK)
CHOICE = Request(ASK, "choice", ("1", "2"))
GRADE = Request(ASK, "number", tuple(str(number) for number in range(1, 11)))


def at(token: str, **top: float) -> TokenLogprobs:
    return position(token, top)


def position(token: str, top: dict[str, float]) -> TokenLogprobs:
    return TokenLogprobs(token, tuple((name, math.log(probability)) for name, probability in top.items()))


def spoken(*tokens: TokenLogprobs) -> Reply:
    return Reply(("".join(token.token for token in tokens),), tokens)


def said(text: str, request: Request = YES_NO) -> str | None:
    reading = read(request, Reply((text,)))
    assert bool(reading.invalid) == (not reading.probabilities)
    return next((word for word, share in reading.probabilities.items() if share == 1.0), None)


def test_the_variants_of_a_word_add_up_and_the_rest_is_left_out() -> None:
    reading = read(YES_NO, spoken(at("Yes", Yes=0.5, yes=0.1, No=0.2, maybe=0.2)))
    assert reading.probabilities == {"yes": pytest.approx(0.75), "no": pytest.approx(0.25)}
    assert (reading.source, reading.mass) == ("logprobs", pytest.approx(0.8))
    assert reading.evidence == "'Yes': yes 0.6000, no 0.2000"


def test_low_mass_is_marked() -> None:
    assert read(YES_NO, spoken(at("Yes", Yes=0.3, No=0.1))).evidence.endswith(", low mass")


def test_the_answer_has_to_open_the_text() -> None:
    late = spoken(at("Answer", Answer=1.0), at(":", No=0.9), at(" no", no=0.9, yes=0.1))
    assert read(YES_NO, late).probabilities["yes"] == pytest.approx(0.1)
    aside = spoken(at("I"), at(" see"), at(" no", no=0.9, yes=0.1), at(" error"))
    assert read(YES_NO, aside).invalid == "none of the words: 'I see no error'"
    thought = spoken(at("<think>"), at("no", no=1.0), at("</think>"), at("yes", yes=0.7, no=0.3))
    assert read(YES_NO, thought).probabilities["yes"] == pytest.approx(0.7)


def test_a_position_without_alternatives_is_read_as_text() -> None:
    reading = read(YES_NO, spoken(at("yes")))
    assert (reading.source, reading.probabilities) == ("text", {"yes": 1.0, "no": 0.0})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yes", "yes"), ("Yes.", "yes"), (" **No**, because", "no"), ("Answer: yes", "yes"), ("The code", None),
        ("yes and no", None), ("Yes/No", None), ("Yes, there is no error", "yes"), ("nothing", None),
        ("<think>no, wait</think>\nYes", "yes"), ("<think>no, wait", None), ("The answer is: no", "no"),
        ("yesterday", None),
    ],
)  # fmt: skip
def test_reading_text(text: str, expected: str | None) -> None:
    assert said(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8", "8"), ("Score: 8/10", "8"), ("10", "10"), ("10/10", "10"), ("8 out of 10.", "8"), ("**7**", "7"),
        ("Rating is 9, since", "9"), ("7 or 8", None), ("7-8", None), ("8.5", None), ("-8", None), ("80", None),
        ("0", None), ("eight", None), ("11", None),
    ],
)  # fmt: skip
def test_reading_a_grade(text: str, expected: str | None) -> None:
    assert said(text, GRADE) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2", "2"), ("Response 1", "1"), ("Preferred Response=2", "2"), ("3", None), ("1 and 2", None)],
)
def test_reading_a_choice(text: str, expected: str | None) -> None:
    assert said(text, CHOICE) == expected


def test_one_of_ten_in_a_vocabulary_that_has_ten() -> None:
    reading = read(GRADE, spoken(position("10", {"10": 0.6, "1": 0.2, "9": 0.2})))
    assert reading.probabilities["10"] == pytest.approx(0.6)
    assert reading.probabilities["1"] == pytest.approx(0.2)


def test_ten_in_two_tokens_is_told_from_one_by_what_follows() -> None:
    first = position("1", {"1": 0.8, "9": 0.2})
    ten = read(GRADE, spoken(first, position("0", {"0": 0.75, " ": 0.25})))
    assert ten.probabilities["10"] == pytest.approx(0.6)
    assert ten.probabilities["1"] == pytest.approx(0.2)
    assert read(GRADE, spoken(first)).probabilities["1"] == pytest.approx(0.8)
    spaced = read(GRADE, spoken(first, position(" points", {" 0": 0.75, " points": 0.25})))
    assert spaced.probabilities["10"] == 0.0


def test_a_one_that_was_not_said_may_be_a_ten_and_is_left_out() -> None:
    reading = read(GRADE, spoken(position("7", {"7": 0.6, "1": 0.2, "8": 0.2})))
    assert reading.probabilities["7"] == pytest.approx(0.75)
    assert reading.probabilities["1"] == reading.probabilities["10"] == 0.0
    assert reading.mass == pytest.approx(0.8)


def test_votes_are_shares_of_the_readable_texts() -> None:
    request = Request(ASK, num_samples=4, temperature=1.0)
    reading = read(request, Reply(("yes", "No.", "yes", "hm")))
    assert reading.probabilities == {"yes": pytest.approx(2 / 3), "no": pytest.approx(1 / 3)}
    assert (reading.source, reading.mass, reading.evidence) == ("votes", 0.75, "votes: yes 2, no 1, of 4")
    assert read(request, Reply(("yes and no", "no"))).probabilities["no"] == 1.0


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (None, NO_REPLY),
        (Reply(("",)), "empty"),
        (Reply(()), "empty"),
        (Reply(("yes",), finish_reason="content_filter"), "filtered"),
        (Reply((), unreadable="refused: 'no'"), "refused: 'no'"),
    ],
)
def test_no_answer_is_no_verdict(reply: Reply | None, why: str) -> None:
    for request in (YES_NO, CHOICE, GRADE):
        reading = read(request, reply)
        assert (reading.probabilities, reading.invalid) == ({}, why)
    assert [one.invalid for one in read_list(YES_NO, reply, 3)] == [why] * 3


def test_whatever_a_model_says_it_is_read_or_invalid() -> None:
    """5,000 texts drawn from pieces of answers: no crash; never both a verdict and a reason that there is none."""
    pieces = ["yes", "no", "1", "10", " ", "\n", ".", "/", "<think>", "</think>", "Answer:", "\x00", "é", "{", "2. no"]
    pieces += [
        "[",
        "}",
        '"1": "yes"',
        ", ",
        "so",
        "8.5",
        "Response 2",
        "is better",
        "errors",
        "|",
        "\ud800",
        "İ",
        "<|end|>",
    ]
    random = Random(0)
    for _ in range(5000):
        text = "".join(random.choices(pieces, k=random.randrange(8)))
        for request in (YES_NO, CHOICE, GRADE):
            reading = read(request, Reply((text,)))
            assert bool(reading.invalid) != bool(reading.probabilities)
            if reading.probabilities:
                assert sum(reading.probabilities.values()) == pytest.approx(1.0)
        assert len(read_list(YES_NO, Reply((text,)), 2)) == 2


REPEATED = [
    "yes no ", "\n", " ", "1. ", "\n1. ", "1", "_", "*", "- ", "answer: yes\n", "so ", "{", "[", '[{"1":',
    '{"1": "yes"}',
    "<think>", "</think>", "<|channel|>analysis", "final ", "score: 8 ", "the answer is ", "\\boxed{", "|", '"',
    "8/10 ",
    "Response 1 is better. ", "No errors, ", "1. yes\n2. no\n", "api: x\n", "imports:\n", "Here is my ",
]  # fmt: skip


def longest_read(num_chars: int) -> float:
    """Seconds of CPU for the slowest of the repeated texts, read in each of the ways."""
    slowest = 0.0
    for piece in REPEATED:
        text = (piece * (num_chars // len(piece) + 1))[:num_chars]
        before = time.process_time()
        for request in (YES_NO, CHOICE, GRADE):
            read(request, Reply((text,)))
        read_list(YES_NO, Reply((text,)), 8)
        claims_in_text(text)
        slowest = max(slowest, time.process_time() - before)
    return slowest


def test_a_long_reply_takes_a_time_in_proportion_to_its_length() -> None:
    """Ten times the text would take a hundred times as long if any pattern went over it from every place."""
    assert longest_read(100_000) < 40 * max(longest_read(10_000), 0.05)


def test_a_list_of_answers() -> None:
    text = "1. yes\n**2**: No\n3) yes\n3. no\n5. yes, mostly"
    readings = read_list(YES_NO, Reply((text,)), 5)
    assert [one.probabilities.get("yes") for one in readings] == [1.0, 0.0, None, None, 1.0]
    assert {one.source for one in readings if not one.invalid} == {"text"}
    assert readings[3].invalid == "none of the words: '4. not answered'"


def test_a_list_has_the_probabilities_of_each_answers_own_token() -> None:
    reply = spoken(
        at("1"),
        at("."),
        at(" yes", **{" yes": 0.9, " no": 0.1}),
        at("\n"),
        at("2"),
        at("."),
        at(" no", yes=0.3, no=0.6),
    )
    readings = read_list(YES_NO, reply, 2)
    assert [one.source for one in readings] == ["logprobs", "logprobs"]
    assert [one.probabilities["yes"] for one in readings] == [pytest.approx(0.9), pytest.approx(1 / 3)]


def test_votes_over_lists() -> None:
    readings = read_list(YES_NO, Reply(("1. yes\n2. no", "1. no\n2. no", "2. no")), 2)
    assert [one.probabilities["yes"] for one in readings] == [0.5, 0.0]
    assert [one.mass for one in readings] == [pytest.approx(2 / 3), 1.0]
