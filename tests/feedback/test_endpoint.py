"""What the LLM judge decides before it sends anything, and between two attempts."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from rlaif.config import OpenaiConfig
from rlaif.errors import UserError
from rlaif.feedback.concurrency import Limit
from rlaif.feedback.endpoint import is_loopback
from rlaif.feedback.endpoints import Endpoints
from rlaif.feedback.exchange import Request
from rlaif.feedback.exchange_store import request_key
from rlaif.feedback.reply_body import read_body
from rlaif.feedback.retry import LONGEST_DELAY_S, CallFailed, Fate, backoff_s, retry_after_s

LOCAL = "http://localhost:1/v1"


def test_the_wait_doubles_up_to_a_limit() -> None:
    for attempt, longest in [(1, 0.5), (2, 1.0), (4, 4.0), (50, LONGEST_DELAY_S)]:
        assert longest / 2 <= backoff_s(attempt) <= longest


def test_both_forms_of_retry_after() -> None:
    now = datetime(2030, 1, 1, tzinfo=UTC)
    date = format_datetime(now + timedelta(seconds=90), usegmt=True)
    assert retry_after_s({"retry-after": "1.5"}) == 1.5
    assert retry_after_s({"retry-after-ms": "250"}) == 0.25
    assert retry_after_s({"retry-after": date}, now) == 90.0
    assert retry_after_s({"retry-after": "soon"}) is None
    assert retry_after_s({}) is None
    assert retry_after_s({"retry-after": "nan"}) is None
    server_clock = format_datetime(now - timedelta(seconds=5), usegmt=True)
    assert retry_after_s({"retry-after": date, "date": server_clock}, now) == 95.0


def test_the_key_is_what_decides_the_answer(tmp_path: Path) -> None:
    request = Request((("user", "x"),))

    def key(request: Request = request, **settings: Any) -> str:
        return request_key(Endpoints(OpenaiConfig(**{"model": "m", "base_url": LOCAL, **settings})).decides(request))

    same = {key(), key(base_url="http://localhost:2/v1", max_concurrency=1), key(replace(request, purpose="q1"))}
    assert len(same) == 1
    changes = [{"max_tokens": 1}, {"temperature": 0.5}, {"num_samples": 2}, {"messages": (("system", "x"),)}]
    others = [key(replace(request, **change)) for change in changes]  # type: ignore[arg-type]
    others += [key(model="other"), key(logprobs=False)]
    assert len({*same, *others}) == 7


def test_a_remote_endpoint_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(UserError, match="the environment variable OPENAI_API_KEY is not set"):
        Endpoints(OpenaiConfig(model="m", base_url="https://example.invalid/v1"))
    with pytest.raises(UserError, match="name of a model"):
        Endpoints(OpenaiConfig())


def test_the_limit_halves_once_for_all_that_was_under_way_and_is_won_back() -> None:
    limit = Limit(64)
    for now in (0.0, 0.1, 0.2):
        limit.slow_down(now)
    assert limit.value == 32
    limit.slow_down(5.0)
    assert limit.value == 16
    for _ in range(16):
        limit.succeeded()
    assert limit.value == 16 or limit.value == 17
    for _ in range(10_000):
        limit.succeeded()
    assert (limit.value, limit.lowest) == (64, 16)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html>", b"[", b"null", b"7", b'{"choices": 7}', b'{"choices": [null]}', b"\xff\xfe",
        b'{"choices": [{"message": [1]}]}', b'{"choices": [{"message": {"content": 5}}]}',
        b'{"error": {"message": "overloaded"}}',
        b'{"choices": [{"message": {"content": "yes"}, "error": "broke off"}]}',
        b'{"choices": [{"message": {"content": "yes"}, "finish_reason": "error"}]}',
    ],
)  # fmt: skip
def test_a_corrupt_body_is_a_failed_call(body: bytes) -> None:
    with pytest.raises(CallFailed) as failed:
        read_body(body)
    assert (failed.value.fate, failed.value.cause) == (Fate.retry, "malformed")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:8000/v1", True),
        ("http://127.0.0.3/v1", True),
        ("http://[::1]:1/v1", True),
        ("https://api.openai.com/v1", False),
        ("http://127.0.0.1.example.com/v1", False),
        (None, False),
    ],
)
def test_loopback(url: str | None, expected: bool) -> None:
    assert is_loopback(url) is expected


@pytest.mark.parametrize(
    "body", [b"[" * 3_000_000, b'{"a":' * 500_000, b'{"choices": ' + b"[" * 900 + b"]" * 900 + b"}"]
)
def test_a_body_that_nests_too_deeply_is_malformed_before_it_is_parsed(body: bytes) -> None:
    with pytest.raises(CallFailed) as failure:
        read_body(body)
    assert (failure.value.cause, failure.value.fate) == ("malformed", Fate.retry)


def test_brackets_in_a_text_are_no_nesting() -> None:
    text = "[" * 5000 + '\\"' + "{" * 5000
    reply = read_body(json.dumps({"choices": [{"message": {"content": text}}]}).encode())
    assert reply.texts == (text,)
    with pytest.raises(CallFailed):
        read_body(b'{"choices": "' + b'\\"' * 100_000 + b"[" * 300)  # a text that never ends, in linear time
