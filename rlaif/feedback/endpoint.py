"""One OpenAI-compatible chat endpoint: single attempts, its pause and its limit, and what it refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import aiohttp
from yarl import URL

from rlaif.config import OpenaiConfig
from rlaif.errors import UserError
from rlaif.feedback.address import address_of, is_loopback
from rlaif.feedback.concurrency import Limit
from rlaif.feedback.error_body import one_line, read_error
from rlaif.feedback.exchange import Reply, Request
from rlaif.feedback.refusal import fate_of, has_own_cause, room_of
from rlaif.feedback.reply_body import read_body
from rlaif.feedback.request_fields import RequestFields
from rlaif.feedback.retry import CallFailed, Fate, cause_of_status, retry_after_s

__all__ = ["Endpoint", "is_loopback"]

MOST_CHANGES = 24
"""Of one call's fields; more are needed by no server that knows what it wants."""
REFUSED_AS_BROKEN = ("logprobs", "n", "system")
"""Fields that some servers refuse with a status of 500."""


class Endpoint:
    """Sends requests to one model at one address. Used inside one event loop.

    Raises:
        UserError: a key is needed and there is none.
    """

    def __init__(self, config: OpenaiConfig, base_url: str | None) -> None:
        self._address = address_of(base_url, config)
        self.url = self._address.shown
        self._url = URL(self._address.url, encoded=True)  # as it is written: else %2F in a query would become a slash
        self.limit = Limit(config.max_concurrency)
        self.num_in_flight = 0
        self.num_failed_in_a_row = 0
        self.resume_at = 0.0
        """Nothing is sent before this time of the event loop's clock."""
        self.fields = RequestFields() if config.logprobs else RequestFields(top_logprobs=0)
        self.usual_fields = self.fields
        self._passed: RequestFields | None = None
        """The last ones with which a call passed, while no call was trying others."""
        self._num_trying = 0
        """Calls under way that were refused with some fields and try others."""
        self._unsaid: list[str] = []
        self.has_answered = False
        self.num_unclear_in_a_row = 0
        """Calls that it refused for reasons that are not known, with none between that it answered."""
        self.warn: Callable[[str], None] = lambda line: None
        self._config = config
        self._headers = {"Content-Type": "application/json", **self._address.headers}
        self._session: aiohttp.ClientSession | None = None

    def is_free(self, now: float) -> bool:
        return self.num_in_flight < self.limit.value and now >= self.resume_at

    async def send(self, request: Request, num_samples: int, room: int = 0) -> Reply:
        """One attempt. A field that the server refuses is left out, renamed or lowered, and the call made again.

        Raises:
            CallFailed: with what it means.
        """
        refused_with: list[RequestFields] = []
        fields = self.fields
        try:
            while True:
                body = {"model": self._config.model, **fields.of(request, num_samples, room)}
                try:
                    reply = await self._attempt(json.dumps(body).encode("ascii"))
                    break
                except CallFailed as failure:
                    self._num_trying += not refused_with
                    refused_with.append(fields)
                    fields = self._other_fields(fields, body, failure, refused_with)
        finally:
            self._num_trying -= bool(refused_with)
        if refused_with or (fields is not self._passed and fields is self.fields and not self._num_trying):
            self._passed = fields
            self._say_changes()
        return reply

    def _other_fields(
        self, fields: RequestFields, body: dict[str, Any], failure: CallFailed, refused_with: list[RequestFields]
    ) -> RequestFields:
        """The fields for the next attempt of a call that failed with others.

        Of the calls that were under way with the same fields, the first that is refused changes them. A change that
        does not get its call through is undone, since it was not the fields.

        Raises:
            CallFailed: there are none.
        """
        from rlaif.feedback.field_refusal import refused_fields  # few endpoints need it

        own_cause = has_own_cause(failure)
        texts = "\n".join(message["content"] for message in body["messages"])
        refused = [] if own_cause else refused_fields(failure.error, fields.sent(body), texts)
        if failure.cause == "5xx":  # the words of what broke may be any
            refused = [one for one in refused if one.field in REFUSED_AS_BROKEN]
        if refused and len(refused_with) <= MOST_CHANGES:
            for others in (self.fields, self._passed):
                if others is not None and others not in refused_with:
                    return others
            others = fields.without(refused)
            if others not in refused_with:
                self._change(others, failure)
                return others
        if failure.cause in ("4xx", "5xx") and not own_cause and self.fields in refused_with:
            self.fields, self._unsaid = self._passed or refused_with[0], []
        raise failure

    def _change(self, fields: RequestFields, failure: CallFailed) -> None:
        """Send other fields from now on."""
        if not fields.max_tokens_name and self._config.max_cost is not None:
            raise UserError(f"feedback.openai.max_cost: {self.url} takes no limit of tokens, so no cap can hold; null")
        self.fields = fields
        self._unsaid.append(f"{self.url}: {failure}; sent from now on: {_listed(fields.changes())}")

    def _say_changes(self) -> None:
        """Say which fields it refused, now that a call has passed without them."""
        for line in self._unsaid:
            self.warn(line)
        self._unsaid = []

    async def resumed(self) -> None:
        """Wait for the end of a pause that began after a call was planned and before it was sent."""
        loop = asyncio.get_running_loop()
        while (left := self.resume_at - loop.time()) > 0:
            await asyncio.sleep(left)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _attempt(self, body: bytes) -> Reply:
        session = self._opened()
        try:
            async with session.post(self._url, data=body, headers=self._headers) as response:
                content = await response.read()
        except TimeoutError:
            raise CallFailed("no answer in time", Fate.retry, "time-out") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            said = one_line(self._address.hidden_in(str(error))) or "connection failed"
            raise CallFailed(said, Fate.retry, "connection") from None
        if 200 <= response.status < 300:
            return read_body(content)
        raise _failure(response.status, content, {name.lower(): value for name, value in response.headers.items()})

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            traces = aiohttp.TraceConfig()
            traces.on_connection_create_end.append(self._connected)
            self._session = aiohttp.ClientSession(
                trace_configs=[traces],
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30.0),
                timeout=aiohttp.ClientTimeout(total=self._config.timeout_s),
                trust_env=not self._address.loopback,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    async def _connected(self, *_: object) -> None:
        await self.resumed()  # a pause may have begun while the connection was made

    def pause(self, seconds: float) -> None:
        """The pause that an endpoint asks one call for holds for all."""
        self.resume_at = max(self.resume_at, asyncio.get_running_loop().time() + seconds)


def _failure(status: int, content: bytes, headers: dict[str, str]) -> CallFailed:
    error = read_error(content)
    text = f"HTTP {status}" + (f": {one_line(error.reason)}" if error.reason else "")
    asked = retry_after_s(headers) if status in (429, 503) or status >= 500 else None
    body = content[:2000].decode("utf-8", "replace")
    room = room_of(error.reason)
    return CallFailed(text, fate_of(status, error), cause_of_status(status), asked, body, error, room)


def _listed(changes: dict[str, object]) -> str:
    return ", ".join(f"no {name}" if value is None else f"{name}={value}" for name, value in changes.items())
