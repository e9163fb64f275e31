"""No good answer lost and no bad one kept: odd, empty and broken answers through the whole asker."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rlaif.config import OpenaiConfig
from rlaif.errors import UserError
from rlaif.feedback import retry
from rlaif.feedback.asking import Asker
from rlaif.feedback.endpoints import EMPTY_ATTEMPTS, Endpoints
from rlaif.feedback.exchange import Reply, Request
from rlaif.feedback.exchange_store import ExchangeStore
from rlaif.feedback.outcomes import NONE_READABLE
from rlaif.feedback.unclear import UNCLEAR_IN_A_ROW

Chat = Callable[..., dict[str, Any]]
Serve = Callable[..., Any]
Sent = dict[str, Any]


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_DELAY_S", 0.01)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def requests(num: int, **options: Any) -> list[Request]:
    return [Request((("system", "s"), ("user", f"text {number}")), **options) for number in range(num)]


def number_of(sent: Sent) -> int:
    return int(sent["messages"][-1]["content"].rpartition(" ")[2])


class Asked:
    """What came of one asker."""

    def __init__(self, url: str, directory: Path, **settings: Any) -> None:
        self.lines: list[str] = []
        openai = OpenaiConfig(**{"model": "judge", "base_url": url, "max_attempts": 4, **settings})
        self.asker = Asker(Endpoints(openai), directory, on_warning=self.lines.append)

    def __call__(self, asked: list[Request]) -> list[Reply | None]:
        with self.asker:
            return self.asker.ask(asked)


def kept_in(directory: Path) -> int:
    return len(ExchangeStore(directory))


# fields


@pytest.mark.parametrize("at_once", [1, 64])
def test_calls_under_way_lower_a_field_once(serve: Serve, completion_of: Chat, tmp_path: Path, at_once: int) -> None:
    def answer(sent: Sent, number: int) -> tuple[int, Any]:
        if sent["top_logprobs"] > 5:
            return 400, {"error": {"message": "Invalid value for top_logprobs", "param": "top_logprobs"}}
        if "max_tokens" in sent:
            return 400, {"error": {"message": "Unknown parameter: max_tokens"}}
        return 200, completion_of("yes")

    served = serve(answer)
    ask = Asked(served.url, tmp_path, max_concurrency=at_once)
    replies = ask(requests(100))
    assert [reply.texts for reply in replies if reply] == [("yes",)] * 100
    assert {(sent["top_logprobs"], "max_completion_tokens" in sent) for sent in served.requests} == {
        (20, False), (5, False), (5, True),
    }  # fmt: skip
    assert len(served.requests) <= 100 + 2 * at_once  # what was under way with a field, and is sent without it
    assert len(ask.lines) == 2 and all(line.startswith(served.url) and "\n" not in line for line in ask.lines)
    last = {"max_tokens": "max_completion_tokens", "top_logprobs": 5}
    assert [record["fields"] for record in ask.asker.store.answers()] == [last] * 100


def test_votes_are_asked_for_one_by_one_where_n_is_refused(serve: Serve, completion_of: Chat, tmp_path: Path) -> None:
    def answer(sent: Sent, number: int) -> tuple[int, Any]:
        if "n" in sent:
            return 400, {"error": {"message": "n > 1 is not supported"}}
        return 200, completion_of(("yes", "no")[number % 2])

    served = serve(answer)
    replies = Asked(served.url, tmp_path)(requests(20, num_samples=5, temperature=1.0))
    assert all(reply is not None and len(reply.texts) == 5 for reply in replies)
    assert {text for reply in replies if reply for text in reply.texts} == {"yes", "no"}


def test_a_refused_temperature_is_said_and_noted(serve: Serve, completion_of: Chat, tmp_path: Path) -> None:
    said = {"error": {"message": "'temperature' does not support 0 with this model", "param": "temperature"}}
    served = serve(lambda sent, number: (400, said) if "temperature" in sent else (200, completion_of("yes")))
    ask = Asked(served.url, tmp_path)
    ask(requests(3))
    assert [line.endswith("no temperature") for line in ask.lines] == [True]
    assert [record["fields"] for record in ask.asker.store.answers()] == [{"temperature": None}] * 3


def test_a_prompt_that_leaves_less_room_than_is_asked_for_gets_that(
    serve: Serve, completion_of: Chat, tmp_path: Path
) -> None:
    def answer(sent: Sent, number: int) -> tuple[int, Any]:
        before = 90 + number_of(sent)
        if before + sent["max_tokens"] > 100:
            said = "This model's maximum context length is 100 tokens. However, you requested too many tokens "
            said += f"({before} in the messages, {sent['max_tokens']} in the completion)."
            return 400, {"object": "error", "message": said, "code": 400}
        return 200, completion_of("yes", finish="length" if sent["max_tokens"] < 4 else "stop")

    served = serve(answer)
    replies = Asked(served.url, tmp_path, max_concurrency=1)(requests(12, max_tokens=8))
    said = [reply.texts if reply and not reply.unreadable else () for reply in replies]
    assert said == [("yes",)] * 7 + [()] * 5
    assert all(reply is not None and reply.unreadable.startswith("rejected: ") for reply in replies[7:])
    assert kept_in(tmp_path) == 12 - 5


def test_a_cap_needs_a_limit_of_tokens(serve: Serve, completion_of: Chat, tmp_path: Path) -> None:
    said = {"error": {"message": "Unknown parameter: max_tokens, max_completion_tokens"}}
    served = serve(
        lambda sent, number: (400, said) if any("tokens" in name for name in sent) else (200, completion_of("yes"))
    )
    (reply,) = Asked(served.url, tmp_path)(requests(1))
    assert reply is not None and reply.texts == ("yes",)
    with pytest.raises(UserError, match=r"feedback\.openai\.max_cost: .* takes no limit of tokens"):
        Asked(served.url, tmp_path / "other", max_cost=1.0)(requests(1))


# refusals


@pytest.mark.parametrize("at_once", [1, 64])
def test_an_unknown_refusal_is_the_prompts_where_others_are_answered(
    serve: Serve, completion_of: Chat, tmp_path: Path, at_once: int
) -> None:
    served = serve(
        lambda sent, number: (
            (403, b"<title>Blocked</title>") if number_of(sent) % 9 == 0 else (200, completion_of("yes"))
        )
    )
    replies = Asked(served.url, tmp_path, max_concurrency=at_once)(requests(60))
    refused = [number for number, reply in enumerate(replies) if reply is None or reply.unreadable]
    assert refused == list(range(0, 60, 9))
    assert {reply.unreadable for reply in replies if reply} == {"", "not answered: HTTP 403: Blocked"}
    assert kept_in(tmp_path) == 60 - len(refused)


@pytest.mark.parametrize("num", [1, 60])
def test_an_unknown_refusal_of_every_call_ends_the_run(serve: Serve, tmp_path: Path, num: int) -> None:
    served = serve(lambda sent, number: (400, {"error": "bad field"}))
    with pytest.raises(UserError, match=r"HTTP 400: bad field \(feedback.openai.model=judge\)"):
        Asked(served.url, tmp_path, max_concurrency=4)(requests(num))
    assert len(served.requests) <= min(num, 2 * UNCLEAR_IN_A_ROW)


def test_a_key_that_is_taken_away_ends_the_run(serve: Serve, completion_of: Chat, tmp_path: Path) -> None:
    served = serve(
        lambda sent, number: (200, completion_of("yes")) if number_of(sent) < 20 else (403, {"error": "Forbidden"})
    )
    with pytest.raises(UserError, match="HTTP 403: Forbidden"):
        Asked(served.url, tmp_path, max_concurrency=1)(requests(60))
    assert (len(served.requests), kept_in(tmp_path)) == (20 + UNCLEAR_IN_A_ROW, 20)


@pytest.mark.parametrize(("num", "stops"), [(4, False), (64, False), (NONE_READABLE + 100, True)])
def test_where_every_prompt_is_refused_it_is_said(serve: Serve, tmp_path: Path, num: int, stops: bool) -> None:
    served = serve(lambda sent, number: (400, {"error": {"message": "prompt is too long: 9 tokens > 8 maximum"}}))
    ask = Asked(served.url, tmp_path, max_concurrency=8)
    if stops:
        with pytest.raises(
            UserError, match=f"none of the first {NONE_READABLE} answers can be read: rejected: HTTP 400"
        ):
            ask(requests(num))
        assert len(served.requests) < num
    else:
        assert all(reply is not None and reply.unreadable for reply in ask(requests(num)))
        assert [line.startswith(f"none of {num} answers can be read") for line in ask.lines] == [True] * (num == 64)


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


# where the endpoint is


@pytest.mark.parametrize(
    ("base", "path"),
    [
        ("", "/v1/chat/completions"),
        ("/", "/v1/chat/completions"),
        ("/chat/completions", "/v1/chat/completions"),
        ("/chat/completions/?api-version=2024-06-01", "/v1/chat/completions?api-version=2024-06-01"),
        ("?api-version=2024-06-01&key=secret%2F", "/v1/chat/completions?api-version=2024-06-01&key=secret%2F"),
        ("/#section", "/v1/chat/completions"),
    ],
)
def test_a_query_stays_at_the_end(base: str, path: str, serve: Serve, completion_of: Chat, tmp_path: Path) -> None:
    served = serve(lambda sent, number: (200, completion_of("yes")))
    Asked(served.url + base, tmp_path)(requests(1))
    assert served.paths == [path]
    assert "secret" not in "".join(path.read_text() for path in tmp_path.glob("*.jsonl"))


def test_a_user_in_the_address_is_sent_and_not_shown(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "other")
    served = serve(lambda sent, number: (404, {"error": "no such model"}))
    with pytest.raises(UserError) as error:
        Asked(served.url.replace("//", "//me:p%40ss@"), tmp_path)(requests(1))
    assert str(error.value).startswith(f"{served.url}: HTTP 404")
    assert served.headers[0]["Authorization"] == "Basic bWU6cEBzcw=="  # me:p@ss


def test_azure_takes_its_key_by_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    url = "https://x.openai.azure.com/openai/deployments/d?api-version=2024-06-01"
    (endpoint,) = Endpoints(OpenaiConfig(model="m", base_url=url))._endpoints
    assert endpoint._address.url == (
        "https://x.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-06-01"
    )
    assert (endpoint.url, endpoint._address.headers) == (url, {"api-key": "k"})


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
