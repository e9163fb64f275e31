"""No good answer lost and no bad one kept: odd, empty and broken answers through the whole asker."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rlaif.errors import UserError
from rlaif.feedback import retry
from rlaif.feedback.endpoints import EMPTY_ATTEMPTS
from tests.feedback.asked import Asked, Sent, kept_in, number_of, requests

Chat = Callable[..., dict[str, Any]]
Serve = Callable[..., Any]


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_DELAY_S", 0.01)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


# answers that are none


EMPTY_ONES = {
    "empty": {"text": ""}, "null": {"text": None}, "blank": {"text": " \n"}, "no parts": {"text": []},
    "a tool call alone": {"text": None, "tool_calls": [{"id": "1", "type": "function"}]},
    "a thought alone": {"text": None, "reasoning_content": "Hm."},
}  # fmt: skip


@pytest.mark.parametrize("kind", EMPTY_ONES)
def test_an_empty_answer_is_asked_for_again(kind: str, serve: Serve, completion_of: Chat, tmp_path: Path) -> None:
    served = serve(
        lambda sent, number: (
            200,
            completion_of(**EMPTY_ONES[kind]) if number < EMPTY_ATTEMPTS - 1 else completion_of("no"),
        )
    )
    replies = Asked(served.url, tmp_path)(requests(3))
    assert [reply.texts for reply in replies if reply] == [("no",)] * 3
    assert len(served.requests) == 3 * EMPTY_ATTEMPTS


def test_an_answer_that_stays_empty_is_invalid_and_not_kept(serve: Serve, completion_of: Chat, tmp_path: Path) -> None:
    served = serve(lambda sent, number: (200, completion_of("" if number_of(sent) == 1 else "yes")))
    for _ in range(2):  # the second run asks again for it alone
        replies = Asked(served.url, tmp_path)(requests(3))
        assert [reply.unreadable for reply in replies if reply] == ["", "empty", ""]
    assert len(served.requests) == 2 + 2 * EMPTY_ATTEMPTS
    assert kept_in(tmp_path) == 2


BROKEN = {
    "an error in the choice": lambda whole: whole["choices"][0].update(error={"code": 502, "message": "lost"}),
    "an error as finish_reason": lambda whole: whole["choices"][0].update(finish_reason="error"),
    "an error beside the choices": lambda whole: whole.update(error={"message": "lost", "code": 500}),
    "an error in their place": lambda whole: whole.update(error="lost", choices=None),
    "no choices": lambda whole: whole.update(choices=[]),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_answer_is_asked_for_again(kind: str, serve: Serve, completion_of: Chat, tmp_path: Path) -> None:
    def answer(sent: Sent, number: int) -> tuple[int, Any]:
        whole = completion_of("no" if number == 0 else "yes")
        if number == 0:
            BROKEN[kind](whole)
        return 200, whole

    served = serve(answer)
    replies = Asked(served.url, tmp_path, max_concurrency=8)(requests(20))
    assert [reply.texts for reply in replies if reply] == [("yes",)] * 20
    assert len(served.requests) == 40


def test_a_broken_choice_of_several_costs_no_other(serve: Serve, completion_of: Chat, tmp_path: Path) -> None:
    def answer(sent: Sent, number: int) -> tuple[int, Any]:
        whole = completion_of("yes")
        (choice,) = whole["choices"]
        broken = {**choice, "finish_reason": "error"}
        filtered = {"index": 1, "finish_reason": "content_filter"}
        whole["choices"] = [broken, filtered, *[choice] * (sent["n"] - 2)] if sent.get("n", 1) > 2 else [choice]
        return 200, whole

    served = serve(answer)
    (reply,) = Asked(served.url, tmp_path)(requests(1, num_samples=5, temperature=1.0))
    assert reply is not None and not reply.unreadable
    assert reply.texts == ("yes", "yes", "yes", "", "yes")


# thoughts that take all tokens


ALONE = {
    "kept apart": {"text": None, "finish": "length", "reasoning_content": "Let me see"},
    "under another name": {"text": "", "finish": "length", "reasoning": "Let me see"},
    "in parts": {"text": [{"type": "thinking", "thinking": [{"type": "text", "text": "Let me"}]}], "finish": "length"},
    "hidden": {"text": "", "finish": "length"},
}


@pytest.mark.parametrize("at_once", [1, 64])
@pytest.mark.parametrize("kind", ALONE)
def test_thoughts_alone_end_the_run(kind: str, at_once: int, serve: Serve, completion_of: Chat, tmp_path: Path) -> None:
    served = serve(lambda sent, number: (200, completion_of(**ALONE[kind])))
    with pytest.raises(UserError, match=r"questions\.options\.max_answer_tokens=1024") as error:
        Asked(served.url, tmp_path, max_concurrency=at_once)(requests(100))
    assert "\n" not in str(error.value) and "8 tokens" in str(error.value)
    assert len(served.requests) < 100
    assert kept_in(tmp_path) == 0


def test_a_refusal_to_end_a_thought_is_one_too(serve: Serve, tmp_path: Path) -> None:
    said = "Could not finish the message because max_tokens or model output limit was reached. Please try again."
    served = serve(lambda sent, number: (400, {"error": {"message": said, "type": "invalid_request_error"}}))
    with pytest.raises(UserError, match=r"questions\.options\.max_thought_tokens=1536"):
        Asked(served.url, tmp_path)(requests(20, max_tokens=384, limited_by="max_thought_tokens"))


def test_few_thoughts_alone_end_the_run_where_there_is_nothing_else(
    serve: Serve, completion_of: Chat, tmp_path: Path
) -> None:
    served = serve(lambda sent, number: (200, completion_of(**ALONE["kept apart"])))
    with pytest.raises(UserError, match="max_answer_tokens"):
        Asked(served.url, tmp_path)(requests(2))


def test_odd_thoughts_alone_end_nothing_and_are_not_kept(serve: Serve, completion_of: Chat, tmp_path: Path) -> None:
    served = serve(
        lambda sent, number: (
            200,
            completion_of(**ALONE["kept apart"]) if number_of(sent) >= 10 else completion_of("yes"),
        )
    )
    for num_sent in (30, 50):  # the next run asks for them again, and finds answers in the store
        ask = Asked(served.url, tmp_path, max_concurrency=1)
        replies = ask(requests(30))
        assert [bool(reply and reply.unreadable) for reply in replies] == [False] * 10 + [True] * 20
        assert len(served.requests) == num_sent
        assert any("max_answer_tokens" in line for line in ask.lines)
    assert kept_in(tmp_path) == 10


def test_a_thought_that_is_cut_off_in_the_text_is_not_kept(serve: Serve, completion_of: Chat, tmp_path: Path) -> None:
    served = serve(lambda sent, number: (200, completion_of("<think>\nno, it", finish="length")))
    ask = Asked(served.url, tmp_path)
    assert {reply.unreadable for reply in ask(requests(12)) if reply} == {"cut off within a thought"}
    assert "max_answer_tokens" in ask.lines[0]
    assert kept_in(tmp_path) == 0


# votes


@pytest.mark.parametrize(
    ("num", "texts", "said"),
    [(9, ["yes"] * 5, False), (12, ["yes"] * 5, True), (12, ["yes"] * 4 + ["no"], False), (30, ["yes"] * 2, False)],
)
def test_votes_that_are_all_alike_are_said(
    num: int, texts: list[str], said: bool, serve: Serve, completion_of: Chat, tmp_path: Path
) -> None:
    def answer(sent: Sent, number: int) -> tuple[int, Any]:
        whole = completion_of("")
        (choice,) = whole["choices"]
        whole["choices"] = [{**choice, "message": {"content": text}} for text in texts]
        return 200, whole

    served = serve(answer)
    for _ in range(2):  # from the store as well
        ask = Asked(served.url, tmp_path)
        ask(requests(num, num_samples=len(texts), temperature=1.0))
        assert [line.startswith("questions.options.votes: ") for line in ask.lines] == [True] * said
        assert ask.asker.spending.figures()["votes/requests"] == num
    assert len(served.requests) == num


# stores


def test_replies_in_memory_are_bounded(serve: Serve, completion_of: Chat, tmp_path: Path) -> None:
    served = serve(lambda sent, number: (200, completion_of("yes")))
    asked = requests(600)
    ask = Asked(served.url, tmp_path)
    with ask.asker as asker:
        asker.ask(asked)
        assert len(asker.store._recent) < 300
        assert {reply.texts for reply in asker.ask(asked) if reply} == {("yes",)}
    assert len(served.requests) == 600


def test_what_an_earlier_version_kept(serve: Serve, completion_of: Chat, tmp_path: Path) -> None:
    served = serve(lambda sent, number: (200, completion_of("new")))
    old: list[dict[str, Any]] = [
        {"texts": ["Yes"]},
        {"texts": ["No, the code"], "finish_reason": "length"},
        {"texts": ["a", "b", ""]},
        {"texts": [""], "finish_reason": "content_filter", "unreadable": "filtered"},
        {"texts": [""], "unreadable": "refused: 'I cannot'"},
        {"texts": [], "unreadable": "rejected: HTTP 400: content_filter"},
        # none of these is an answer
        {"texts": [""], "unreadable": "empty"},
        {"texts": [], "unreadable": "no choices"},
        {"texts": ["No"], "finish_reason": "error"},
        {"texts": ["<think>\nno"], "finish_reason": "length"},
        {"texts": [], "unreadable": "rejected: HTTP 400: maximum context length is 9 tokens context_length_exceeded"},
    ]  # fmt: skip
    asked = requests(len(old))
    ask = Asked(served.url, tmp_path)
    lines = []
    for request, reply in zip(asked, old, strict=True):
        record = {
            "key": ask.asker.key(request), "kind": "answer", "messages": [], "num_chars": 7, "expects": "yes_no",
            "max_tokens": 8, "temperature": 0.0, "num_samples": 1, "purpose": "q", "tokens": [["Yes", [["Yes", -0.1]]]],
            "finish_reason": "stop", "model": "m", "num_input_tokens": 9, "num_output_tokens": 1, "unreadable": "",
            "endpoint": "u", "cost": 0.0,
        }  # fmt: skip
        lines.append(json.dumps({**record, "texts": reply["texts"], **reply}))
    (tmp_path / "1-abc.jsonl").write_text("\n".join(lines) + "\n")
    replies = ask(asked)
    texts = [list(reply.texts) for reply in replies if reply]
    assert texts == [reply["texts"] for reply in old[:6]] + [["new"]] * 5
    assert sorted(map(number_of, served.requests)) == [6, 7, 8, 9, 10]
    assert Asked(served.url, tmp_path)(asked) == replies  # the new answers are the ones that are found
    assert len(served.requests) == 5
