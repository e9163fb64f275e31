"""Replies of reasoning models as their templates write them: the draft within a thought is never the answer."""

from __future__ import annotations

import pytest

from rlaif.data.thought import CUT_OFF, NOTHING_ELSE, answer_part
from rlaif.feedback.exchange import Reply, Request
from rlaif.feedback.reading import read, text_of
from rlaif.feedback.reading_list import read_list
from tests.thoughts import TEMPLATES, UNFINISHED

DRAFT = "No, wait.\nAnswer: no\n1. no\n2. no\nScore: 3. The answer is \\boxed{no}\n"
"""Whatever could be taken for an answer."""


def reply(template: str, answer: str = "", finish_reason: str = "stop") -> Reply:
    text = template.replace("ANSWER", answer).replace("DRAFT", DRAFT)
    return Reply((text,), finish_reason=finish_reason)


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_the_answer_is_read_behind_the_thought(template: str) -> None:
    request = Request((("user", "?"),))
    for word in ("yes", "no"):
        assert read(request, reply(template, word.capitalize())).probabilities[word] == 1.0
    grade = Request((("user", "?"),), "number", tuple(str(number) for number in range(1, 11)))
    assert read(grade, reply(template, "8")).probabilities["8"] == 1.0
    readings = read_list(request, reply(template, "1. yes\n2. no\n3. yes"), 3)
    assert [one.probabilities.get("yes") for one in readings] == [1.0, 0.0, 1.0]
    in_a_line = read_list(request, reply(template, '{"1": "yes", "2": "no", "3": "yes"}'), 3)
    assert [one.probabilities.get("yes") for one in in_a_line] == [1.0, 0.0, 1.0]
    assert (
        "Because" in text_of(reply(template, "Because."))[0] and "wait" not in text_of(reply(template, "Because."))[0]
    )


@pytest.mark.parametrize("finish_reason", ["length", "stop"])
@pytest.mark.parametrize("template", UNFINISHED.values(), ids=UNFINISHED)
def test_a_thought_that_was_cut_off_is_no_answer(template: str, finish_reason: str) -> None:
    request = Request((("user", "?"),))
    unfinished = reply(template, finish_reason=finish_reason)
    assert read(request, unfinished).invalid == CUT_OFF
    assert [one.invalid for one in read_list(request, unfinished, 2)] == [CUT_OFF] * 2
    assert text_of(unfinished) == ("", CUT_OFF)


def test_a_thought_alone_is_no_answer() -> None:
    only = Reply(("<think>No.</think>\n",))
    assert read(Request((("user", "?"),)), only).invalid == NOTHING_ELSE
    assert text_of(only) == ("", NOTHING_ELSE)


@pytest.mark.parametrize("text", ["No, the code prints <think> here.", "No, it prints `</think>` at the end",
                                  "No. <think> is no tag of Python's.", "No: it has '</think>'"])  # fmt: skip
def test_a_mark_that_an_answer_quotes_is_none(text: str) -> None:
    assert answer_part(text).problem == ""
    assert read(Request((("user", "?"),)), Reply((text,))).probabilities["no"] == 1.0


def test_votes_that_are_thoughts_alone_count_as_unreadable() -> None:
    request = Request((("user", "?"),), num_samples=3, temperature=1.0)
    votes = read(request, Reply(("<think>no", "<think>no</think>yes", "hm, no\n</think>\nyes")))
    assert (votes.probabilities["yes"], votes.mass) == (1.0, pytest.approx(2 / 3))
