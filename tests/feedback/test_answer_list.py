"""Replies to eight questions asked together, in the forms in which models number them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from rlaif.feedback.exchange import Reply
from rlaif.feedback.reading_list import read_list
from tests.feedback.phrasings import YES_NO

LETTERS = "ynynynyn"
WORDS = ["yes" if letter == "y" else "no" for letter in LETTERS]
QUESTIONS = ["Does the code parse, with no syntax error?", "Is no name undefined?", "Do the imports exist?",
             "Is the API known?", "Do the arguments fit, with none missing?", "Is it made for the task?",
             "Does it use 3 values, yes or no?", "Does it run? No network is needed."]  # fmt: skip


def lines(form: str, words: list[str] = WORDS, joined: str = "\n") -> str:
    """Eight times the form: {n} is the number, {w} the word, {W} as it begins a sentence, {q} the question."""
    numbered = zip(range(1, 9), words, QUESTIONS, strict=True)
    return joined.join(form.replace("{n}", str(n)).replace("{w}", w).replace("{W}", w.capitalize()).replace("{q}", q)
                       for n, w, q in numbered)  # fmt: skip


def letters(text: str, num: int = 8, finish_reason: str = "stop") -> str:
    """y or n for each question, - where its answer is invalid."""
    readings = read_list(YES_NO, Reply((text,), finish_reason=finish_reason), num)
    return "".join("-" if one.invalid else {1.0: "y", 0.0: "n"}[one.probabilities["yes"]] for one in readings)


def objects(make: Callable[[int, str], object]) -> list[object]:
    return [make(number, word) for number, word in enumerate(WORDS, 1)]


NUMBERED = [
    "<q{n}>{w}</q{n}>", '<answer id="{n}">{w}</answer>', "Question {n} of 8: {w}", "({n}/8) {w}", "{n} → {w}",
    "Q{n} (line 3): {w}",
    "<p>{n}. {w}</p>", "<li>{n}. {W}.</li>", "- id: {n}\n  answer: {w}\n  reason: no errors", "{n}. Definitely {w}",
    "{w} ({n})", "{n}. So {w}.", "{n}.\n\n{W}\n", "Question {n}\n\nReasoning: no error is in line 3.\n\nAnswer: {w}\n",
    '{"{n}": "{w}"}', '{"question": {n}, "answer": "{w}"}', "{n}. (yes/no) {w}", "{n}. Yes/No: {w}", "0{n}. {w}",
    "{n}. {w}", "{n}. {W}.", "{n}) {w}", "({n}) {W}", "{n}: {w}", "{n} - {w}", "{n} – {W}", "{n} {w}", "{n}={w}",
    "{n}.{w}", "[{n}] {w}", "#{n}: {w}", "**{n}.** {W}", "**{n}. {W}**", "{n}. **{W}**", "- {n}. {w}", "* {n}: {w}",
    "> {n}. {w}", "  {n}. {w}", "Q{n}: {w}", "Q{n}. {W}", "q{n} {w}", "Q{n} - **{W}**", "A{n}: {w}",
    "Question {n}: {w}",
    "Question {n} - **{W}**", "**Question {n}:** {W}", "### Question {n}\n{W}", "Question #{n}: {W}", "Answer {n}: {w}",
    "Answer to question {n}: {w}", "Item {n}: {w}", "| {n} | {w} |", "|{n}|{W}|because of line 3|", "{n}\t{w}",
    "{n}, {w}",
    "| {n} | {q} | {W} |", "{n}. {q} {w}", "{n}. {q} {W}.", "{n}. {q}\n   {W}", "{n}. {q} **{W}**",
    "{n}. {q} {W}, it is so.",
    "{n}. {q} - {w}", "{n}. **{q}** {W}", "{n}. {q}\nAnswer: {w}", "{n}. **Syntax**: {w}",
    "{n}. Syntax: {W} (see line 3)",
    "{n}. {w} - because line 3 says so", "{n}. {W}, 2 imports are fine", "{n}: {W}\n   No errors are in line 3.",
    "{n}. {W}. No. 3 is odd, though.", "{n}. {W}\n   1 import is used", "{n}. The code was read. {W}.", "{n}. `{w}`",
    '{n}. "{w}"', "<answer{n}>{w}</answer{n}>", "{n}. {w};", "{n}. Answer: {w}", "Q{n}: {q}\nA{n}: {w}",
    "Q{n}: {q}\nA: {w}",
]  # fmt: skip
IN_A_LINE = ["{n}.{w}", "{n}:{w}",
             "{n}. {w} ", "{n}. {w}, ", "{n}: {w}, ", "{n}:{w},", "{n}-{w}; ", "{n}) {w} ", "({n}) {w} ", "{n} {w} ",
    "{n}={w}, ",
             "Q{n}: {w}; ", "{n}. {W}. ", "{n}. {q} {w} ", "{n}. {W}, since it is so. ", "**{n}.** {w} | "]  # fmt: skip
FRAMES = ["{}", "Here are my answers:\n\n{}", "Answers:\n{}\n\nI hope this helps!", "```\n{}\n```",
    "# Review of 3 files\n{}",
          "Draft:\n1. no\n2. no\n\nFinal answers:\n{}", "{}\n\nOverall: yes, 4 of 8.", "{}\n\nIn total: no",
          "{}\n\nNotes:\n1. Line 3 is odd.\n2. No tests are there.",
          "<think>\n1. no\n2. yes\n3. no\n</think>\n{}", "1. no\n2. yes\n</think>\n\n{}"]  # fmt: skip


@pytest.mark.parametrize("form", NUMBERED)
def test_numbered_lines(form: str) -> None:
    assert letters(lines(form)) == LETTERS
    assert letters(lines(form, joined="\n\n")) == LETTERS


@pytest.mark.parametrize("form", IN_A_LINE)
def test_one_line(form: str) -> None:
    assert letters(lines(form, joined="")) == LETTERS
    assert letters("Answers: " + lines(form, joined="").strip()) == LETTERS


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("form", ["{n}. {w}", "Q{n}: {W}", "{n}. {q} {w}", "| {n} | {w} |"])
def test_what_stands_around_a_list_changes_nothing(frame: str, form: str) -> None:
    assert letters(frame.format(lines(form))) == LETTERS


BY_NUMBER = {str(number): word for number, word in enumerate(WORDS, 1)}
JSON = {
    "by number": BY_NUMBER,
    "by Q": {f"Q{number}": word for number, word in BY_NUMBER.items()},
    "by question_": {f"question_{number}": word.capitalize() for number, word in BY_NUMBER.items()},
    "by numbered question": {f"{n}. {q}": w for n, q, w in zip(range(1, 9), QUESTIONS, WORDS, strict=True)},
    "array": WORDS,
    "wrapped array": {"answers": WORDS},
    "wrapped object": {"answers": BY_NUMBER},
    "with a note": {"answers": BY_NUMBER, "note": "No errors were found in 3 files."},
    "objects": objects(lambda number, word: {"question": number, "answer": word}),
    "objects with text": objects(lambda number, word: {"id": f"Q{number}", "reason": "No error, yes.", "answer": word}),
    "objects in turn": objects(lambda number, word: {"answer": word, "reason": "no"}),
    "objects of one": objects(lambda number, word: {str(number): word}),
    "reasons": {str(number): {"reason": "No errors", "answer": word} for number, word in enumerate(WORDS, 1)},
    "sentences": {str(number): f"{word.capitalize()}, see line 3" for number, word in enumerate(WORDS, 1)},
    "questions as keys": {question: word for question, word in zip(QUESTIONS, WORDS, strict=True)},
    "numbered strings": [f"{number}. {word}" for number, word in enumerate(WORDS, 1)],
    "out of turn": dict(reversed(BY_NUMBER.items())),
}


@pytest.mark.parametrize("frame", ["{}", "```json\n{}\n```", "Here it is:\n{}\nDone.", "<think>[1] no</think>{}"])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("value", JSON.values(), ids=JSON)
def test_json(value: object, indent: int | None, frame: str) -> None:
    assert letters(frame.replace("{}", json.dumps(value, indent=indent))) == LETTERS


@pytest.mark.parametrize("value", JSON.values(), ids=JSON)
def test_values_as_python_spells_them(value: object) -> None:
    assert letters(repr(value)) == LETTERS
    assert letters(f"Here it is:\n```python\nanswers = {value!r}\n```") == LETTERS
    assert letters(repr(value)[:-1] + ",\n" + repr(value)[-1]) == LETTERS


def test_python_constants_and_drafts_beside_the_answers() -> None:
    assert letters(repr({"checked": True, "note": None, "thinking": "1. no 2. no", "answers": BY_NUMBER})) == LETTERS
    assert letters("\\n".join(f"{number}. {word}" for number, word in BY_NUMBER.items())) == LETTERS


@pytest.mark.parametrize("joined", ["\n", ", ", ",", " ", "; ", " | ", "/", "\n\n", ",\n", "\n- "])
def test_as_many_words_as_questions_answer_them_in_turn(joined: str) -> None:
    assert letters(joined.join(WORDS)) == LETTERS
    assert letters("Answers:\n" + "\n".join(f"{word.capitalize()} - see line 3" for word in WORDS)) == LETTERS
    assert letters(joined.join(WORDS[:7])) == "--------"
    assert letters(joined.join([*WORDS, "yes"])) == "--------"


def test_questions_may_stand_between_answers_without_numbers() -> None:
    pairs = list(zip(QUESTIONS, WORDS, strict=True))
    assert letters("\n".join(f"- {question} {word}" for question, word in pairs[:6]), 6) == LETTERS[:6]
    assert letters("\n".join(f"**{question}**\n{word}\n" for question, word in pairs[:6]), 6) == LETTERS[:6]
    assert letters("\n".join(f"{question}\n{word}\nLine 3." for question, word in pairs[:6]), 6) == "------"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1. yes\n2. no", "yn------"),
        ("2. no\n8. yes", "-n-----y"),
        ("1. yes\n2. hm\n3. no", "y-n-----"),
        ("1. yes\n1. no\n2. yes", "-y------"),
        ("1. yes\n2. yes\n3. no\n2. no", "y-n-----"),
        ("1. yes\n1. yes\n2. yes", "yy------"),
        ("1. yes and no\n2. yes", "-y------"),
        ("1. yes/no\n2. no", "-n------"),
        ("1. No undefined names\n2. no", "-n------"),
        ("1. No undefined names, so yes\n2. no", "yn------"),
        ("1. yes\n9. no\n99. no", "y-------"),
        ("\n".join(f"{number}. {WORDS[number - 1]}" for number in range(8, 0, -1)), LETTERS),
        ("3. no\n2. no\n1. no\n\n1. yes\n2. yes", "yy------"),
        ("\n".join(f'<answer id="{number}">{word}</answer>' for number, word in enumerate(WORDS, 1)), LETTERS),
        ("\n".join(json.dumps({str(number): word}) for number, word in enumerate(WORDS, 1)), LETTERS),
        ("yes (1). no (2).", "--------"),
        ("1-8: yes", "--------"),
        ("1, 3, 5: yes\n2, 4: no", "--------"),
        ("yes", "--------"),
        ("no", "--------"),
        ("All yes.", "--------"),
        ("3 errors were found.", "--------"),
        ("", "--------"),
        ('{"1": true, "2": false}', "--------"),
        ('{"1": "yes", "1": "no", "2": "no"}', "-n------"),
        ('{"1": "yes", "2": "no", "3": "yes",', "yny-----"),
        ("[1] yes\n[2] no", "yn------"),
        ("1: yes\n2: {no}", "yn------"),
        ("<think>\n1. no\n2. no\n3. no", "--------"),
        ("Draft: 1. no 2. no\n1. yes\n2. yes", "yy------"),
        ("\n".join(f"{number}. {word}" for number, word in enumerate(WORDS)), LETTERS),
        ("0. yes\n1. no\n2. no", "--------"),
    ],
)
def test_what_is_missing_or_said_in_two_ways_is_invalid(text: str, expected: str) -> None:
    assert letters(text) == expected


def test_of_two_whole_lists_the_last_counts_and_a_part_does_not_take_its_place() -> None:
    other = ["no" if word == "yes" else "yes" for word in WORDS]
    assert letters(lines("{n}. {w}", other) + "\n\nOn second thought:\n" + lines("{n}. {w}")) == LETTERS
    assert letters(lines("{n}. {w}") + "\n\nRemarks:\n1. Yes, line 3 is odd.\n2. no tests") == LETTERS
    assert letters(json.dumps(other) + "\nFinal:\n" + json.dumps(WORDS)) == LETTERS


def test_a_record_for_each_question_is_no_list_in_turn() -> None:
    assert letters('{"question": 2, "answer": "yes"}', 2) == "-y"
    assert letters('{"question": 2, "answer": "yes"}\n{"question": 1, "answer": "no"}', 2) == "ny"


def test_a_list_that_was_cut_off_keeps_what_is_whole() -> None:
    assert letters("1. yes\n2. no\n3. The code", finish_reason="length") == "yn------"
    assert letters("1. yes\n2. no\n3. Okay, so no", finish_reason="length") == "yn------"
    assert letters("\n".join(WORDS), finish_reason="length") == LETTERS
    thought = "Okay, let me see. 1. It parses, so yes. 2. There is no import, so no. 3. Is it known? No"
    assert letters(thought, finish_reason="length") == "--------"
