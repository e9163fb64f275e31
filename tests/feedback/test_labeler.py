"""The labeler asks for each thing once, ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from rlaif.errors import UserError
from rlaif.feedback.judge import UNANSWERED, Item, items_for, num_calls
from rlaif.feedback.labeler import item_keys, label, missing_items
from rlaif.feedback.questions import QuestionSet
from rlaif.feedback.store import LabelStore
from rlaif.records import Answer, Example

MakeItems = Callable[..., list[Item]]


class LengthJudge:
    """A judge that is simple enough to check: yes where the text is longer than three characters."""

    name = "length"

    def __init__(self, fails_after: int | None = None, unanswered: str = "") -> None:
        self.asked: list[Item] = []
        self.fails_after = fails_after
        self.unanswered = unanswered

    def identity(self) -> Mapping[str, object]:
        return {"judge": "length"}

    def reads(self, item: Item) -> Mapping[str, object]:
        return {"question": item.question.id, "text": item.sample.text}

    def answer(self, items: Sequence[Item]) -> Iterator[Answer]:
        for item in reversed(items):  # any order is allowed
            if len(self.asked) == self.fails_after:
                raise UserError("the endpoint is down")
            self.asked.append(item)
            came = item.sample.text != self.unanswered
            p_yes = float(len(item.sample.text) > 3) if came else None
            source = "text" if came else UNANSWERED
            yield Answer(item.sample.id, item.question.id, p_yes, self.name, source, "", "" if came else "time-out")


def test_answers_come_in_the_order_of_the_items(make_items: MakeItems, tmp_path: Path) -> None:
    items = make_items("a", "long", "b", num_questions=2)
    progress: list[tuple[int, int]] = []
    answers = label(items, LengthJudge(), LabelStore(tmp_path), lambda done, total: progress.append((done, total)))
    assert [(one.sample_id, one.question_id) for one in answers] == [(i.sample.id, i.question.id) for i in items]
    assert [one.p_yes for one in answers] == [0, 0, 1, 1, 0, 0]
    assert progress == [(number, 6) for number in range(1, 7)]


def test_a_second_run_asks_nothing(make_items: MakeItems, tmp_path: Path) -> None:
    items = make_items("a", "long")
    first = label(items, LengthJudge(), LabelStore(tmp_path))
    again = LengthJudge()
    assert label(items, again, LabelStore(tmp_path)) == first
    assert again.asked == []
    assert missing_items(items, item_keys(items, again), LabelStore(tmp_path)) == {}


def test_the_same_text_is_asked_about_once(make_items: MakeItems, tmp_path: Path) -> None:
    judge = LengthJudge()
    answers = label(make_items("same", "same", "other"), judge, LabelStore(tmp_path))
    assert len(judge.asked) == 2
    assert [answer.sample_id for answer in answers] == ["s1", "s2", "s3"]


def test_what_was_answered_before_a_failure_is_kept(make_items: MakeItems, tmp_path: Path) -> None:
    items = make_items("one", "four", "seven")
    with pytest.raises(UserError, match="down"):
        label(items, LengthJudge(fails_after=2), LabelStore(tmp_path))
    judge = LengthJudge()
    label(items, judge, LabelStore(tmp_path))
    assert len(judge.asked) == 1


def test_what_got_no_answer_is_asked_again_by_the_next_run(make_items: MakeItems, tmp_path: Path) -> None:
    items = make_items("one", "four")
    answers = label(items, LengthJudge(unanswered="one"), LabelStore(tmp_path))
    assert [(answer.p_yes, answer.invalid) for answer in answers] == [(None, "time-out"), (1.0, "")]
    judge = LengthJudge()
    assert [answer.p_yes for answer in label(items, judge, LabelStore(tmp_path))] == [0.0, 1.0]
    assert len(judge.asked) == 1


def test_items_and_their_number(make_items: MakeItems, questions: QuestionSet, example: Example) -> None:
    samples = [item.sample for item in make_items("a", "b")]
    items = items_for(samples, {example.id: example}, questions.questions)
    assert len(items) == num_calls(2, 8) == 16
    assert [item.sample.id for item in items[:9]] == ["s1"] * 8 + ["s2"]
