"""What the LLM judge decides before it sends anything, and between two attempts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from rlaif.config import OpenaiConfig
from rlaif.errors import UserError
from rlaif.feedback.endpoint import is_loopback
from rlaif.feedback.judge import Item
from rlaif.feedback.openai_judge import OpenaiJudge
from rlaif.feedback.questions import QuestionSet
from rlaif.feedback.retry import LONGEST_DELAY_S, backoff_s, retry_after_s


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


def test_identity_is_what_decides_the_answer(questions: QuestionSet) -> None:
    identity = OpenaiJudge(OpenaiConfig(model="judge-model"), questions).identity()
    elsewhere = OpenaiConfig(model="judge-model", base_url="https://elsewhere/v1", max_concurrency=1)
    assert OpenaiJudge(elsewhere, questions).identity() == identity
    for change in ({"model": "other"}, {"max_answer_tokens": 1}, {"logprobs": False}):
        config = OpenaiConfig(**{"model": "judge-model", **change})  # type: ignore[arg-type]
        assert OpenaiJudge(config, questions).identity() != identity


def test_a_remote_endpoint_needs_a_key(
    questions: QuestionSet, make_items: Callable[..., list[Item]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    judge = OpenaiJudge(OpenaiConfig(model="m", base_url="https://example.invalid/v1"), questions)
    with pytest.raises(UserError, match="the environment variable OPENAI_API_KEY is not set"):
        list(judge.answer(make_items("x")))
    with pytest.raises(UserError, match="name of a model"):
        OpenaiJudge(OpenaiConfig(), questions)


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
