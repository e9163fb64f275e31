"""Log-probabilities of a reply: those of the token that spells the answer, wherever it stands among the tokens."""

from __future__ import annotations

import math

import pytest

from rlaif.feedback.answer_tokens import probability
from rlaif.feedback.exchange import Reply, TokenLogprobs
from rlaif.feedback.reading import read
from rlaif.feedback.reading_list import read_list
from tests.feedback.phrasings import CHOICE, GRADE, YES_NO

DRAFTED = {"No": 0.95, "Yes": 0.05}
CHOSEN = {"Yes": 0.7, "No": 0.25}
P = 0.7 / 0.95


def at(token: str, top: dict[str, float] | None = None) -> TokenLogprobs:
    top = {token: 0.9, "something": 0.1} if top is None else top
    return TokenLogprobs(token, tuple((name, math.log(p)) for name, p in top.items()))


THOUGHT = [at("<think>"), at("No", DRAFTED), at("?"), at("\n"), at("</think>"), at("\n\n")]
ENDS = {
    "none": [],
    "im_end": [at("<|im_end|>")],
    "empty": [at("")],
    "two": [at("\n"), at("</s>")],
    "return": [at("<|return|>")],
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Yes", [at("Yes", CHOSEN)]),
        ("\n\nYes", [at("Yes", CHOSEN)]),
        ("Yes", [at("\nYes", CHOSEN)]),
        *(("Yes。", [at(f"{edge}Yes。", CHOSEN)]) for edge in ("\u00a0", "\u3000", "\u200b")),
        ("Yes", [at("\u00a0Yes", CHOSEN)]),
        ("答案：Yes", [at("答案"), at("：Yes", CHOSEN)]),
        ("**Yes**", [at("**"), at("Yes", CHOSEN), at("**")]),
        ("**Yes**", [at("**Yes", {"**Yes": 0.7, "**No": 0.25}), at("**")]),
        ("Yes, no names are undefined", [at("Yes", CHOSEN), at(","), at(" no", DRAFTED), at(" names"),
        at(" are undefined")]),
        ("No errors found, so yes.", [at("No", DRAFTED), at(" errors"), at(" found, so"), at(" yes", CHOSEN), at(".")]),
        ("Answer: Yes", [at("Answer"), at(":"), at(" Yes", CHOSEN)]),
        ("Yes — no issue", [at("Yes", CHOSEN), at("ĠâĢĶ"), at("Ġno", DRAFTED), at("Ġissue")]),
        ("Yes — é", [at("Yes", CHOSEN), at(" bytes:\\xe2\\x80"), at("bytes:\\x94"), at(" <0xC3>"), at("<0xA9>")]),
        ("é: so yes", [at("bytes:\\xc3"), at("bytes:\\xa9"), at(": so"), at(" yes", CHOSEN)]),
        ('{"answer": "Yes"}', [at('{"'), at("answer"), at('": "'), at("Yes", CHOSEN), at('"}')]),
        ("\\boxed{Yes}", [at("\\boxed"), at("{"), at("Yes", CHOSEN), at("}")]),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("thought", [[], THOUGHT], ids=["alone", "with its thought"])
def test_the_answers_own_token_decides(
    thought: list[TokenLogprobs], text: str, answer: list[TokenLogprobs], end: list[TokenLogprobs]
) -> None:
    reading = read(YES_NO, Reply((text,), tuple([*thought, *answer, *end])))
    assert (reading.source, reading.probabilities["yes"]) == ("logprobs", pytest.approx(P))
    assert reading.mass == pytest.approx(0.95)


@pytest.mark.parametrize("text", ["<think>No?\n</think>\n\nYes", "\n</think>\n\nYes", "No?\n</think>\n\nYes"])
def test_a_thought_in_text_and_tokens(text: str) -> None:
    tokens = (*THOUGHT, at("Yes", CHOSEN), at("<|im_end|>"))
    assert read(YES_NO, Reply((text,), tokens)).probabilities["yes"] == pytest.approx(P)
    harmony = "<|channel|>analysis<|message|>No<|end|><|start|>assistant<|channel|>final<|message|>Yes"
    spelt = [
        "<|channel|>",
        "analysis",
        "<|message|>",
        "No",
        "<|end|>",
        "<|start|>",
        "assistant",
        "<|channel|>",
        "final",
    ]
    tokens = (*(at(one, DRAFTED) for one in spelt), at("<|message|>"), at("Yes", CHOSEN), at("<|return|>"))
    assert read(YES_NO, Reply((harmony,), tokens)).probabilities["yes"] == pytest.approx(P)


def test_the_first_tokens_alone_are_enough_where_the_answer_is_among_them() -> None:
    first = read(YES_NO, Reply(("Yes, the code runs",), (at("Yes", CHOSEN), at(","))))
    assert first.probabilities["yes"] == pytest.approx(P)
    late = read(YES_NO, Reply(("It is so. Yes",), (at("It", CHOSEN), at(" is"))))
    assert (late.source, late.probabilities["yes"]) == ("text", 1.0)


@pytest.mark.parametrize(
    "tokens",
    [
        [at("No", DRAFTED)],
        [at("token_id:9454", CHOSEN)],
        [at("Y", CHOSEN), at("es")],
        THOUGHT,
        [*THOUGHT, at("No", DRAFTED)],
        [at("Yes", {})],
        [at("Yes", {"Yes": 0.6})],
    ],
    ids=[
        "another",
        "ids",
        "two pieces",
        "a thought alone",
        "another answer",
        "no alternatives",
        "the chosen one alone",
    ],
)
def test_tokens_that_do_not_spell_the_answer_leave_it_to_the_text(tokens: list[TokenLogprobs]) -> None:
    reading = read(YES_NO, Reply(("Yes",), tuple(tokens)))
    assert (reading.source, reading.probabilities) == ("text", {"yes": 1.0, "no": 0.0})


@pytest.mark.parametrize("logprob", [-math.inf, math.nan, -9999.0, 5.0])
def test_an_alternative_without_a_probability_costs_no_answer(logprob: float) -> None:
    tops = (("Yes", math.log(0.7)), ("No", math.log(0.25)), ("no", logprob), ("Maybe", logprob))
    reading = read(YES_NO, Reply(("Yes",), (TokenLogprobs("Yes", tops),)))
    assert reading.probabilities["yes"] == pytest.approx(P)
    assert probability(logprob) == pytest.approx(0.0)


def test_a_grades_own_token_decides() -> None:
    listed = [at("1", {"1": 0.9, "2": 0.1}), at("."), at(" It parses"), at(".\n"), at("Score"), at(":"), at(" ")]
    grade = at("9", {"9": 0.6, "8": 0.2, "3": 0.2})
    reading = read(GRADE, Reply(("1. It parses.\nScore: 9",), tuple([*listed, grade])))
    assert {word: p for word, p in reading.probabilities.items() if p} == {
        "9": pytest.approx(0.6), "8": pytest.approx(0.2), "3": pytest.approx(0.2),
    }  # fmt: skip
    drafted = [at("<think>"), at("3", {"3": 0.9, "9": 0.1}), at("</think>"), grade]
    assert read(GRADE, Reply(("9",), tuple(drafted))).probabilities["9"] == pytest.approx(0.6)
    whole = read(GRADE, Reply(("8.0",), (at("8", {"8": 0.75, "7": 0.25}), at("."), at("0"))))
    assert (whole.source, whole.probabilities["8"]) == ("logprobs", pytest.approx(0.75))
    between = read(GRADE, Reply(("8.5",), (at("8", {"8": 0.75, "7": 0.25}), at("."), at("5"))))
    assert (between.source, between.probabilities["8"], between.probabilities["9"]) == ("text", 0.5, 0.5)


def test_a_choices_own_token_decides() -> None:
    tokens = [at("Response", None), at(" 1", {" 1": 0.9, " 2": 0.1}), at(" has 2 errors"), at(", so")]
    tokens += [at(" Response"), at(" 2", {" 2": 0.8, " 1": 0.2}), at(" is better"), at(".")]
    reading = read(CHOICE, Reply(("Response 1 has 2 errors, so Response 2 is better.",), tuple(tokens)))
    assert reading.probabilities["2"] == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("text", "spelt"),
    [
        ("1. yes 2. no", ["1", ".", " yes", " 2", ".", " no"]),
        ('{"1": "yes", "2": "no"}', ['{"', "1", '": "', "yes", '", "', "2", '": "', "no", '"}']),
        ('["yes", "no"]', ['["', "yes", '", "', "no", '"]']),
        ("yes, no", ["yes", ",", " no"]),
        ("| 1 | yes |\n| 2 | no |", ["|", " 1", " |", " yes", " |\n", "| 2", " |", " no", " |"]),
    ],
)
@pytest.mark.parametrize("thought", [[], [at("<think>"), at("1. no 2. no", DRAFTED), at("</think>")]])
def test_each_answer_of_a_list_has_its_own_token(text: str, spelt: list[str], thought: list[TokenLogprobs]) -> None:
    tops = {"yes": {"yes": 0.9, " no": 0.1}, "no": {"Yes": 0.25, " no": 0.5}}
    tokens = [*thought, *(at(one, tops.get(one.strip())) for one in spelt), at("<|im_end|>")]
    readings = read_list(YES_NO, Reply((text,), tuple(tokens)), 2)
    assert [one.source for one in readings] == ["logprobs", "logprobs"]
    assert [one.probabilities["yes"] for one in readings] == [pytest.approx(0.9), pytest.approx(1 / 3)]
