"""What to do about a failed call: try again after how long, give this one up, or stop altogether."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum

import openai

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 30.0


class Fate(Enum):
    """What a failed call means."""

    retry = "retry"
    """It may pass: rate limits, server errors, time-outs, broken connections, pages that are no JSON."""
    reject = "reject"
    """The endpoint will not answer this one prompt: too long, or filtered."""
    stop = "stop"
    """No call will pass: wrong key, unknown model, spent quota."""


def fate_of(error: Exception) -> Fate:
    """Classify what the SDK raised. JSON that does not parse comes out of it as a ValueError."""
    if isinstance(error, openai.APIStatusError):
        return _fate_of_status(error)
    if isinstance(error, openai.APIConnectionError | openai.APIResponseValidationError | ValueError):
        return Fate.retry
    return Fate.stop


def _fate_of_status(error: openai.APIStatusError) -> Fate:
    said = f"{error.code} {error.type} {error.message}".casefold()
    if error.status_code == 429:
        return Fate.stop if "insufficient_quota" in said else Fate.retry
    if error.status_code in (408, 409) or error.status_code >= 500:
        return Fate.retry
    if error.status_code in (400, 413, 422) and any(
        sign in said for sign in ("context_length", "context length", "content_filter", "content management")
    ):
        return Fate.reject
    return Fate.reject if error.status_code == 413 else Fate.stop


def backoff_s(attempt: int) -> float:
    """Seconds to wait after the attempt-th failure (from 1): doubling, capped, spread by up to a half."""
    delay: float = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** (attempt - 1))
    return delay * random.uniform(0.5, 1.0)


def retry_after_s(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds that an endpoint asks to wait: `retry-after-ms`, or `Retry-After` in seconds or as a date."""
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        return max(0.0, float(headers["retry-after"]))
    except KeyError:
        return None
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(headers.get("retry-after", ""))
    except (TypeError, ValueError):
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - (now or datetime.now(UTC))).total_seconds())


def one_line(error: Exception) -> str:
    """An error as a person reads it: no HTML page, no JSON dump, one line."""
    if isinstance(error, openai.APITimeoutError):
        return "no answer in time"
    if isinstance(error, json.JSONDecodeError):
        return "the answer is not JSON"
    if isinstance(error, openai.APIStatusError):
        message = error.body.get("message") if isinstance(error.body, dict) else None
        return f"HTTP {error.status_code}" + (f": {_first_line(str(message))}" if message else "")
    if isinstance(error, openai.APIConnectionError):
        return _first_line(str(error.__cause__ or error)) or "connection failed"
    return _first_line(str(error)) or type(error).__name__


def _first_line(text: str) -> str:
    return " ".join(text.split())[:200]
