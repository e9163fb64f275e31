"""One OpenAI-compatible chat endpoint: single attempts, its pause and its limit."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from rlaif.config import OpenaiConfig
from rlaif.errors import UserError
from rlaif.feedback.concurrency import Limit
from rlaif.feedback.exchange import Reply, Request
from rlaif.feedback.reply_body import error_message, one_line, parse, read_body
from rlaif.feedback.retry import CallFailed, Fate, cause_of_status, fate_of_status, retry_after_s

TOP_LOGPROBS = 20
"""The most that OpenAI gives; it holds every variant of yes and no that matters."""
DEFAULT_URL = "https://api.openai.com/v1"


class Endpoint:
    """Sends requests to one model at one address. Used inside one event loop.

    Raises:
        UserError: a key is needed and there is none.
    """

    def __init__(self, config: OpenaiConfig, base_url: str | None) -> None:
        self.url = (base_url or DEFAULT_URL).rstrip("/")
        self.limit = Limit(config.max_concurrency)
        self.num_in_flight = 0
        self.num_failed_in_a_row = 0
        self.resume_at = 0.0
        """Nothing is sent before this time of the event loop's clock."""
        self._config = config
        self._loopback = is_loopback(self.url)
        self._headers = {"Content-Type": "application/json", **_authorization(config, self._loopback)}
        self._with_logprobs = config.logprobs
        self._max_tokens_key = "max_tokens"
        self._session: aiohttp.ClientSession | None = None

    def is_free(self, now: float) -> bool:
        return self.num_in_flight < self.limit.value and now >= self.resume_at

    async def send(self, request: Request, num_samples: int) -> Reply:
        """One attempt. What the server does not know (log-probabilities) is left out and the call made again.

        Raises:
            CallFailed: with what it means.
        """
        while True:
            try:
                return await self._attempt(self._body(request, num_samples))
            except CallFailed as failure:
                if not self._can_do_without(failure):
                    raise

    async def resumed(self) -> None:
        """Wait for the end of a pause that began after a call was planned and before it was sent."""
        loop = asyncio.get_running_loop()
        while (left := self.resume_at - loop.time()) > 0:
            await asyncio.sleep(left)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _body(self, request: Request, num_samples: int) -> bytes:
        body: dict[str, Any] = {
            "model": self._config.model,
            "messages": [{"role": role, "content": text} for role, text in request.messages],
            "temperature": request.temperature,
            self._max_tokens_key: request.max_tokens,
        }
        if num_samples > 1:
            body["n"] = num_samples
        if self._with_logprobs and request.expects != "text":
            body |= {"logprobs": True, "top_logprobs": TOP_LOGPROBS}
        return json.dumps(body).encode("ascii")

    async def _attempt(self, body: bytes) -> Reply:
        session = self._opened()
        try:
            async with session.post(f"{self.url}/chat/completions", data=body, headers=self._headers) as response:
                content = await response.read()
        except TimeoutError:
            raise CallFailed("no answer in time", Fate.retry, "time-out") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise CallFailed(one_line(str(error)) or "connection failed", Fate.retry, "connection") from None
        if response.status == 200:
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
                trust_env=not self._loopback,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    async def _connected(self, *_: object) -> None:
        await self.resumed()  # a pause may have begun while the connection was made

    def _can_do_without(self, failure: CallFailed) -> bool:
        """Whether the call was refused for a field that can be left out or renamed; from then on it is."""
        said = str(failure).casefold()
        if failure.cause not in ("4xx", "5xx"):
            return False
        if self._with_logprobs and "logprob" in said:
            self._with_logprobs = False
            return True
        if self._max_tokens_key == "max_tokens" and "max_completion_tokens" in said:
            self._max_tokens_key = "max_completion_tokens"
            return True
        return False

    def pause(self, seconds: float) -> None:
        """The pause that an endpoint asks one call for holds for all."""
        self.resume_at = max(self.resume_at, asyncio.get_running_loop().time() + seconds)


def _failure(status: int, content: bytes, headers: dict[str, str]) -> CallFailed:
    try:
        said = error_message(parse(content))
    except ValueError:
        said = ""
    text = f"HTTP {status}" + (f": {one_line(said)}" if said else "")
    asked = retry_after_s(headers) if status in (429, 503) or status >= 500 else None
    body = content[:2000].decode("utf-8", "replace")
    return CallFailed(text, fate_of_status(status, said), cause_of_status(status), asked, body)


def _authorization(config: OpenaiConfig, loopback: bool) -> dict[str, str]:
    key = os.environ.get(config.api_key_env)
    if not key and not loopback:
        raise UserError(f"feedback.openai.api_key_env: the environment variable {config.api_key_env} is not set")
    return {"Authorization": f"Bearer {key}"} if key else {}


def is_loopback(base_url: str | None) -> bool:
    """Whether an endpoint is on this machine, where no key is needed."""
    host = urlsplit(base_url or "").hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
