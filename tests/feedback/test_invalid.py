"""What a judge said that could not be read, in a line."""

from __future__ import annotations

from rlaif.feedback.invalid import invalid_line
from rlaif.records import Answer, Preference


def answers(*invalid: str) -> list[Answer]:
    return [Answer(f"s{number}", "q", None if why else 1.0, "m", "text", "", why) for number, why in enumerate(invalid)]


def test_it_says_how_many_and_why_most_of_them() -> None:
    line = invalid_line(answers("cut off", "cut off", "empty", ""), [])
    assert line is not None
    assert line.startswith("3 of 4 answers of the judge cannot be read, 2 of them: cut off; ")
    assert "questions.options.max_answer_tokens" in line and "\n" not in line


def test_more_tokens_are_advised_where_a_text_could_go_on() -> None:
    line = invalid_line(answers("rejected: HTTP 403: flagged", "rejected: HTTP 403: flagged"), [])
    assert line == "2 of 2 answers of the judge cannot be read, 2 of them: rejected: HTTP 403: flagged"


def test_few_are_not_said() -> None:
    assert invalid_line(answers("empty", *[""] * 9), []) is None
    assert invalid_line([], []) is None


def test_comparisons_count() -> None:
    one = Preference("e", "a", "b", None, "text", None, "m", "empty")
    assert (invalid_line([], [one]) or "").startswith("1 of 1 answers")
