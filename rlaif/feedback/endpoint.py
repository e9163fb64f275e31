"""One OpenAI-compatible chat endpoint: a call that survives what endpoints do."""

from __future__ import annotations

import asyncio
import ipaddress
import os
from typing import Any
from urllib.parse import urlsplit

import openai
from openai.types.chat import ChatCompletion

from rlaif.config import OpenaiConfig
from rlaif.errors import UserError
from rlaif.feedback.questions import Prompt
from rlaif.feedback.retry import Fate, backoff_s, fate_of, one_line, retry_after_s

TOP_LOGPROBS = 20
"""The most that OpenAI gives; it holds every variant of yes and no that matters."""
LONGEST_WAIT_S = 600.0
"""An endpoint that asks for a longer pause ends the run; what was answered is kept."""
NO_KEY = "none"
"""Sent where no key is needed; the SDK insists on one."""


class CallFailed(Exception):
    """All attempts of one call failed in ways that may pass."""


class CallRejected(Exception):
    """The endpoint will not answer this prompt."""


class Endpoint:
    """Sends prompts to one model. Made and used inside one event loop."""

    def __init__(self, config: OpenaiConfig) -> None:
        self.config = config
        self._client = _client(config)
        self._with_logprobs = config.logprobs
        self._resume_at = 0.0

    @property
    def url(self) -> str:
        return str(self._client.base_url).rstrip("/")

    async def ask(self, prompt: Prompt) -> ChatCompletion:
        """One completion.

        Raises:
            CallFailed: `max_attempts` attempts failed.
            CallRejected: the prompt is too long or was filtered.
            UserError: no call can succeed; one line that says why.
        """
        failure = ""
        attempt = 0
        while attempt < self.config.max_attempts:
            await self._wait_for_pause()
            try:
                return await self._send(prompt)
            except (openai.APIError, ValueError) as error:
                if self._refuses_logprobs(error):
                    self._with_logprobs = False
                    continue
                attempt += 1
                failure = one_line(error)
                await self._after_failure(error, attempt, failure)
        raise CallFailed(f"{failure} ({attempt} attempts)")

    async def close(self) -> None:
        await self._client.close()

    async def _send(self, prompt: Prompt) -> ChatCompletion:
        logprobs: dict[str, Any] = {"logprobs": True, "top_logprobs": TOP_LOGPROBS} if self._with_logprobs else {}
        reply = await self._client.chat.completions.create(
            model=self.config.model or "",
            messages=[{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}],
            temperature=0.0,
            max_tokens=self.config.max_answer_tokens,
            **logprobs,
        )
        if not isinstance(reply, ChatCompletion):
            raise ValueError("the answer is a page, not JSON")
        return reply

    def _refuses_logprobs(self, error: Exception) -> bool:
        refused = isinstance(error, openai.APIStatusError) and error.status_code in (400, 422, 501)
        return self._with_logprobs and refused and "logprob" in str(error).casefold()

    async def _after_failure(self, error: Exception, attempt: int, failure: str) -> None:
        """Wait, or raise what makes waiting pointless."""
        fate = fate_of(error)
        if fate is Fate.reject:
            raise CallRejected(failure) from None
        if fate is Fate.stop:
            raise UserError(f"{self.url}: {failure} (feedback.openai.model={self.config.model})") from None
        asked = retry_after_s(error.response.headers) if isinstance(error, openai.APIStatusError) else None
        if asked is not None and asked > LONGEST_WAIT_S:
            raise UserError(f"{self.url}: {failure}; it asks for a pause of {asked:.0f} s. Run again then")
        if asked is not None:
            self._resume_at = max(self._resume_at, asyncio.get_running_loop().time() + asked)
        elif attempt < self.config.max_attempts:
            await asyncio.sleep(backoff_s(attempt))

    async def _wait_for_pause(self) -> None:
        """The pause that an endpoint asks one call for holds for all."""
        while (left := self._resume_at - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(left)


def _client(config: OpenaiConfig) -> openai.AsyncOpenAI:
    """The SDK's client, without its own retries and, on loopback, without proxies."""
    loopback = is_loopback(config.base_url)
    key = os.environ.get(config.api_key_env)
    if not key and not loopback:
        raise UserError(f"feedback.openai.api_key_env: the environment variable {config.api_key_env} is not set")
    return openai.AsyncOpenAI(
        base_url=config.base_url,
        api_key=key or NO_KEY,
        timeout=config.timeout_s,
        max_retries=0,
        http_client=openai.DefaultAsyncHttpxClient(trust_env=False) if loopback else None,
    )


def is_loopback(base_url: str | None) -> bool:
    """Whether an endpoint is on this machine, where no key is needed."""
    host = urlsplit(base_url or "").hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
