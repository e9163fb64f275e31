"""What to do about a failed call: try again after how long, give this one up, or stop altogether."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum

from rlaif.feedback.error_body import Said

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 30.0


class Fate(Enum):
    """What a failed call means."""

    retry = "retry"
    """It may pass: rate limits, server errors, time-outs, broken connections, pages that are no JSON."""
    reject = "reject"
    """The endpoint will not answer this one prompt: too long, or filtered."""
    unclear = "unclear"
    """The endpoint refuses the call and does not say whether for its prompt or for what all calls have: whether other
    calls pass tells."""
    spent = "spent"
    """All tokens that the call had went into a thought."""
    stop = "stop"
    """No call will pass: wrong key, unknown model, spent quota."""


class CallFailed(Exception):
    """One attempt of one call failed.

    Attributes:
        cause: What failures are counted by: "429", "5xx", "time-out", "connection", "malformed", "4xx".
        retry_after: Seconds that the endpoint asks everybody to wait; None where it asks nothing.
        error: What the error's body says.
        room: Tokens left for the answer, where prompt and answer are too long together; 0 where it is not known.
        told_to_slow_down: Fewer calls at once may help.
        perhaps_billed: The endpoint may have done the work.
    """

    def __init__(
        self, said: str, fate: Fate, cause: str, retry_after: float | None = None, body: str = "",
        error: Said | None = None, room: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(said)
        self.fate, self.cause, self.retry_after, self.body = fate, cause, retry_after, body
        self.error, self.room = error or Said(), room

    @property
    def told_to_slow_down(self) -> bool:
        return self.cause in ("429", "time-out", "503")

    @property
    def perhaps_billed(self) -> bool:
        return self.cause in ("time-out", "connection", "malformed")


def cause_of_status(status: int) -> str:
    """The name under which failures of a status are counted."""
    if status in (429, 503):
        return str(status)
    if status == 501:
        return "4xx"  # what is asked for is not there
    if status in (408, 504):
        return "time-out"
    return "5xx" if status >= 500 else "4xx"


def backoff_s(attempt: int) -> float:
    """Seconds to wait after the attempt-th failure (from 1): doubling, capped, spread by up to a half."""
    delay: float = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** min(attempt - 1, 16))
    return delay * random.uniform(0.5, 1.0)


def retry_after_s(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds that an endpoint asks to wait: `retry-after-ms`, or `Retry-After` in seconds or as a date.

    A date is counted from the endpoint's own clock (`Date`) where that gives the longer wait.
    """
    try:
        if "retry-after-ms" in headers:
            return _wait(float(headers["retry-after-ms"]) / 1000)
        return _wait(float(headers["retry-after"]))
    except KeyError:
        return None
    except ValueError:
        pass
    until = _date(headers.get("retry-after", ""))
    if until is None:
        return None
    clocks = [now or datetime.now(UTC), *filter(None, [_date(headers.get("date", ""))])]
    return max(0.0, *((until - clock).total_seconds() for clock in clocks))


def _wait(seconds: float) -> float:
    if not seconds < float("inf"):  # also "nan"
        raise ValueError("no number of seconds")
    return max(0.0, seconds)


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
