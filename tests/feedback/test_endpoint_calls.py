"""Where calls go, and what becomes of those that are refused, through the whole asker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rlaif.config import OpenaiConfig
from rlaif.errors import UserError
from rlaif.feedback import retry
from rlaif.feedback.asking import Asker
from rlaif.feedback.budget import Prices
from rlaif.feedback.endpoints import Endpoints
from rlaif.feedback.outcomes import NONE_READABLE
from rlaif.feedback.unclear import ONCE_ANSWERED, UNCLEAR_IN_A_ROW
from tests.feedback.asked import Asked, Sent, kept_in, number_of, requests

Chat = Callable[..., dict[str, Any]]
Serve = Callable[..., Any]


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_DELAY_S", 0.01)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


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


def test_what_no_other_fields_mend_changes_none(serve: Serve, completion_of: Chat, tmp_path: Path) -> None:
    said = {"error": "not valid: temperature, max_tokens, logprobs of this request"}
    served = serve(lambda sent, number: (400, said) if number_of(sent) == 3 else (200, completion_of("yes")))
    ask = Asked(served.url, tmp_path, max_concurrency=1)
    replies = ask(requests(6))
    assert [bool(reply and reply.unreadable) for reply in replies] == [False] * 3 + [True] + [False] * 2
    assert [set(sent) for sent in served.requests[-2:]] == [set(served.requests[0])] * 2
    assert all("fields" not in record for record in ask.asker.store.answers())
    assert ask.lines == []


@pytest.mark.parametrize("at_once", [1, 64])
@pytest.mark.parametrize(
    "said",
    [
        "Invalid content: 'max_tokens is not supported'",
        "Failed to render template for: x = llm(temperature=0.7)  # unsupported, must be removed",
        "[{'type': 'string_type', 'loc': ('body', 'messages', 1, 'content'), 'input': 'max_tokens=5, temperature'}]",
        "Could not tokenize: logprobs and n are no longer supported",
    ],
)
def test_a_refusal_that_repeats_its_prompt_changes_no_other_call(
    said: str, at_once: int, serve: Serve, completion_of: Chat, tmp_path: Path
) -> None:
    def answer(sent: Sent, number: int) -> tuple[int, Any]:
        if number_of(sent) % 7 == 0:
            return 400, {"object": "error", "message": said, "type": "BadRequestError", "param": None, "code": 400}
        return 200, completion_of("yes")

    served = serve(answer)
    ask = Asked(served.url, tmp_path, max_concurrency=at_once)
    replies = ask(requests(50))
    (endpoint,) = ask.asker.transport._endpoints  # type: ignore[attr-defined]
    assert endpoint.fields.changes() == {}
    assert [number for number, reply in enumerate(replies) if reply and reply.unreadable] == list(range(0, 50, 7))
    if at_once == 1:
        fields = [{**sent, "messages": 0} for sent in served.requests if number_of(sent) % 7]
        assert all(one == fields[0] and one["top_logprobs"] == 20 for one in fields)
        assert not [line for line in ask.lines if "sent from now on" in line]


def test_a_count_that_no_prompt_can_have_spends_no_cap(serve: Serve, completion_of: Chat, tmp_path: Path) -> None:
    usage = {"prompt_tokens": 10**15, "completion_tokens": 10**15}
    served = serve(lambda sent, number: (200, completion_of("yes", usage=usage)))
    with Asker(Endpoints(OpenaiConfig(model="judge", base_url=served.url)), tmp_path, Prices(1.0, 1.0), 0.01) as asker:
        assert [reply.texts for reply in asker.ask(requests(5)) if reply] == [("yes",)] * 5
        assert 0 < asker.budget.spent < 0.01


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
    assert (len(served.requests), kept_in(tmp_path)) == (20 + ONCE_ANSWERED, 20)


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
