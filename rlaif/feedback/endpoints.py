"""The transport to OpenAI-compatible endpoints, several at once: as many calls under way as they bear."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Mapping
from contextlib import suppress
from itertools import count

from rlaif.config import OpenaiConfig
from rlaif.data.thought import CUT_OFF
from rlaif.errors import UserError
from rlaif.feedback.endpoint import Endpoint
from rlaif.feedback.exchange import EMPTY, NO_CHOICES, Reply, Request, joined
from rlaif.feedback.lasting import NOT_ANSWERED, REJECTED
from rlaif.feedback.outcomes import Outcomes
from rlaif.feedback.retry import CallFailed, Fate, backoff_s
from rlaif.feedback.unclear import Unclear, UnclearRefusals
from rlaif.feedback.work import HELD_POLL_S, Job, Work

FAILURES_IN_A_ROW = 10
"""So many requests that failed for good, with none in between that did not, mean that the endpoint is down."""
EMPTY_ATTEMPTS = 3
"""An answer without a text is asked for so often; a model that says nothing at all is not asked for as long as a server
that is down."""
LONGEST_WAIT_S = 600.0
"""An endpoint that asks for a longer pause ends the run; what was answered is kept."""
GIVE_UP_AFTER_S = 1800.0
"""Rate limits do not count as attempts; a request that meets nothing else for so long is given up."""


class Endpoints:
    """One model behind one or more addresses. Nobody waits behind a slow call: whatever place gets free is given
    the next request, at the endpoint with the fewest under way.

    Raises:
        UserError: no model is named, or a key is needed and there is none.
    """

    def __init__(self, config: OpenaiConfig) -> None:
        if not config.model:
            raise UserError("feedback.openai.model: the name of a model is needed")
        self._config = config
        urls: list[str | None] = [*config.base_urls] or [config.base_url]
        self._endpoints = [Endpoint(config, url) for url in urls]
        self._runner: asyncio.Runner | None = None
        self._outcomes = Outcomes()

    @property
    def name(self) -> str:
        return f"openai:{self._config.model}"

    def decides(self, request: Request) -> Mapping[str, object]:
        """What decides an answer, and nothing else: no address, no concurrency."""
        return {
            "judge": "openai",
            "model": self._config.model,
            "messages": request.messages,
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "num_samples": request.num_samples,
            "logprobs": self._config.logprobs and request.expects != "text",
        }

    def run(self, work: Work) -> None:
        """Answer all work.

        Raises:
            UserError: no call can succeed, the endpoint is down, the budget is spent; one line.
        """
        if self._runner is None:
            self._runner = asyncio.Runner()
        self._outcomes.num_good += work.num_at_hand
        for endpoint in self._endpoints:
            endpoint.warn = work.warn
        self._runner.run(_Round(self._config, self._endpoints, work, self._outcomes).run())

    def close(self) -> None:
        if self._runner is not None:
            for endpoint in self._endpoints:
                self._runner.run(endpoint.close())
            self._runner.close()
            self._runner = None


class _Round:
    """One `run`: the dispatcher, the calls under way and what waits to be tried again."""

    def __init__(self, config: OpenaiConfig, endpoints: list[Endpoint], work: Work, outcomes: Outcomes) -> None:
        self._config, self._endpoints, self._work, self._outcomes = config, endpoints, work, outcomes
        self._unclear = UnclearRefusals()
        self._again: list[tuple[float, int, Job]] = []
        """A heap by the time from which a job may be sent again."""
        self._order = count()
        self._calls: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._error: BaseException | None = None
        self._num_failed_in_a_row = 0

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while not self._work.finished:
                now = loop.time()  # one for both: what is not due for the one is waited for by the other
                self._send_what_can_be_sent(now)
                if self._error is not None:
                    raise self._error
                if self._work.finished:
                    break
                refused = self._unclear.first
                if refused and not self._calls and not self._again and not self._work.waits_for_others:
                    raise self._stopped(refused.endpoint, refused.failure)
                await self._wait(now)
        finally:
            for call in self._calls:
                call.cancel()
            await asyncio.gather(*self._calls, return_exceptions=True)

    def _send_what_can_be_sent(self, now: float) -> None:
        while self._error is None:
            free = [endpoint for endpoint in self._endpoints if endpoint.is_free(now)]
            if not free:
                return
            job = self._next_job(now)
            if job is None:
                return
            if not self._work.reserve(job):
                heapq.heappush(self._again, (now, next(self._order), job))
                if not self._calls:
                    raise self._work.over_budget(job)
                return
            endpoint = min(free, key=lambda one: one.num_in_flight / one.limit.value)
            endpoint.num_in_flight += 1
            call = asyncio.create_task(self._call(endpoint, job))
            self._calls.add(call)
            call.add_done_callback(self._ended)

    def _next_job(self, now: float) -> Job | None:
        if self._again and self._again[0][0] <= now:
            return heapq.heappop(self._again)[2]
        return self._work.take()

    async def _wait(self, now: float) -> None:
        """Until a call ends, a pause or a delay that was not over at `now` is, or it is time to look at what other jobs
        hold."""
        times = [endpoint.resume_at for endpoint in self._endpoints if endpoint.resume_at > now]
        times += [self._again[0][0]] if self._again and self._again[0][0] > now else []
        times += [now + HELD_POLL_S] if self._work.waits_for_others else []
        self._changed.clear()
        with suppress(TimeoutError):
            left = max(0.0, min(times) - asyncio.get_running_loop().time()) + 1e-3 if times else None
            await asyncio.wait_for(self._changed.wait(), left)

    def _ended(self, call: asyncio.Task[None]) -> None:
        self._calls.discard(call)
        if not call.cancelled() and call.exception() is not None and self._error is None:
            self._error = call.exception()
        self._changed.set()

    async def _call(self, endpoint: Endpoint, job: Job) -> None:
        loop = asyncio.get_running_loop()
        started, began = time.time(), loop.time()
        job.since = job.since or began
        failure: CallFailed | None = None
        try:
            await endpoint.resumed()
            started, began = time.time(), loop.time()
            reply = await endpoint.send(job.request, job.num_samples_left, job.room)
        except CallFailed as error:
            failure = error
        finally:
            endpoint.num_in_flight -= 1
        details: dict[str, object] = {
            "endpoint": endpoint.url, "asked_model": self._config.model, "started": round(started, 4),
            "seconds": round(loop.time() - began, 4), "attempt": job.num_attempts + 1,
        }  # fmt: skip
        if endpoint.fields is not endpoint.usual_fields:
            details["fields"] = endpoint.fields.changes()
        if failure is None:
            endpoint.limit.succeeded()
            endpoint.num_failed_in_a_row = 0
            self._answered(endpoint, job, reply, details)
        else:
            self._failed(endpoint, job, failure, details)

    def _answered(self, endpoint: Endpoint, job: Job, reply: Reply, details: dict[str, object]) -> None:
        self._num_failed_in_a_row = 0
        cost = self._work.answered(job, reply)
        if reply.unreadable.startswith((EMPTY, NO_CHOICES)):
            job.num_empty += 1
            if job.num_empty < min(EMPTY_ATTEMPTS, self._config.max_attempts):
                self._work.note(job, reply, {**details, "cost": cost})
                self._try_again(job, backoff_s(job.num_empty))
                return
        if job.room and reply.is_cut_off():
            reply = Reply((), unreadable=f"{REJECTED}the prompt is too long: it leaves {job.room} tokens")
        if not reply.unreadable:
            for refused in self._unclear.answered(endpoint):
                self._not_answered(refused)
            job.replies += (reply.first(job.num_samples_left),)
            if reply.texts and job.num_samples_left > 0:
                self._try_again(job, 0.0)  # the server gives fewer samples a call than it is asked for
                return
        whole = joined(job.replies) if job.replies else reply
        self._keep(endpoint, job, whole, {**details, "cost": cost, "calls": max(1, len(job.replies))})

    def _keep(self, endpoint: Endpoint, job: Job, reply: Reply, details: dict[str, object]) -> None:
        self._work.keep(job, reply, details)
        self._outcomes.add(job.request, reply, endpoint.url)

    def _not_answered(self, refused: Unclear) -> None:
        reply = Reply((), unreadable=f"{NOT_ANSWERED}{refused.failure}")
        self._keep(refused.endpoint, refused.job, reply, {**refused.details, "cost": 0.0})

    def _failed(self, endpoint: Endpoint, job: Job, failure: CallFailed, details: dict[str, object]) -> None:
        self._work.failed(job, failure, details)
        if failure.fate is Fate.stop:
            raise self._stopped(endpoint, failure)
        if failure.fate is Fate.unclear:
            self._refused(Unclear(endpoint, job, failure, details))
        elif failure.fate is Fate.reject and 0 < failure.room < job.request.max_tokens and not job.room:
            job.room = failure.room
            self._try_again(job, 0.0)
        elif failure.fate in (Fate.reject, Fate.spent):
            self._num_failed_in_a_row = 0
            said = f"{CUT_OFF}: {failure}" if failure.fate is Fate.spent else f"{REJECTED}{failure}"
            self._keep(endpoint, job, Reply((), finish_reason="stop", unreadable=said), {**details, "cost": 0.0})
        else:
            self._failed_for_now(endpoint, job, failure)

    def _refused(self, refused: Unclear) -> None:
        if self._unclear.is_everybodys(refused):
            raise self._stopped(refused.endpoint, refused.failure)
        if self._unclear.is_the_prompts(refused):
            self._not_answered(refused)

    def _stopped(self, endpoint: Endpoint, failure: CallFailed) -> UserError:
        return UserError(f"{endpoint.url}: {failure} (feedback.openai.model={self._config.model})")

    def _failed_for_now(self, endpoint: Endpoint, job: Job, failure: CallFailed) -> None:
        loop = asyncio.get_running_loop()
        if failure.told_to_slow_down:
            endpoint.limit.slow_down(loop.time())
        endpoint.num_failed_in_a_row += 1
        if failure.cause in ("connection", "5xx") and len(self._endpoints) > 1:
            endpoint.pause(backoff_s(endpoint.num_failed_in_a_row))  # one that fails at once would draw all calls
        if failure.retry_after is not None:
            if failure.retry_after > LONGEST_WAIT_S:
                asked = f"it asks for a pause of {failure.retry_after:.0f} s. Run again then"
                raise UserError(f"{endpoint.url}: {failure}; {asked}")
            endpoint.pause(failure.retry_after)
        job.num_attempts += failure.cause != "429"
        if job.num_attempts < self._config.max_attempts and loop.time() - job.since < GIVE_UP_AFTER_S:
            self._try_again(job, 0.0 if failure.retry_after is not None else backoff_s(max(1, job.num_attempts)))
            return
        self._give_up(endpoint, job, failure)

    def _try_again(self, job: Job, delay_s: float) -> None:
        at = asyncio.get_running_loop().time() + delay_s
        heapq.heappush(self._again, (at, next(self._order), job))

    def _give_up(self, endpoint: Endpoint, job: Job, failure: CallFailed) -> None:
        self._work.give_up(job)
        self._num_failed_in_a_row += 1
        if self._num_failed_in_a_row >= FAILURES_IN_A_ROW:
            raise UserError(
                f"{endpoint.url}: {self._num_failed_in_a_row} requests in a row failed: {failure}. "
                "The answers so far are kept; run again to go on"
            )
