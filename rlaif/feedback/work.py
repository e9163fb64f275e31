"""The requests of one call of `ask` that the store has no answer to, handed out one by one to a transport."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rlaif.errors import UserError
from rlaif.feedback.budget import Budget, Prices, Spending, most_tokens
from rlaif.feedback.exchange import Reply, Request
from rlaif.feedback.exchange_store import ExchangeStore
from rlaif.feedback.lasting import lasts
from rlaif.feedback.request_locks import RequestLocks
from rlaif.feedback.retry import CallFailed

MOST_ADDED = 1_000_000
"""Tokens that a server may add to a prompt, or think, without being asked; a count above them is none."""
HELD_POLL_S = 0.05
"""How often it is looked whether another job has answered what it holds."""


@dataclass
class Job:
    """One request on its way."""

    key: str
    request: Request
    num_attempts: int = 0
    """Failed ones, but for those that a rate limit turned away."""
    num_empty: int = 0
    """Answers without a text."""
    room: int = 0
    """Tokens that its prompt leaves for the answer, where the endpoint has said so; 0: enough."""
    replies: tuple[Reply, ...] = ()
    """Where a server gives fewer samples than were asked for: what it gave so far."""
    reserved: float = 0.0
    since: float = 0.0

    @property
    def num_samples_left(self) -> int:
        return self.request.num_samples - sum(len(reply.texts) for reply in self.replies)


class Work:
    """What is to be sent. A transport takes jobs until `finished`, and keeps or gives up each one.

    A job that is taken is claimed: no other process sends it. What another process has claimed is waited for.

    Attributes:
        warn: Says one line to the user.
        num_at_hand: Requests of the same call of `ask` that the store had an answer to.
    """

    def __init__(
        self, requests: Mapping[str, Request], store: ExchangeStore, locks: RequestLocks,
        prices: Prices, budget: Budget, spending: Spending, on_done: Callable[[str, Reply | None], None],
        warn: Callable[[str], None] = lambda line: None, num_at_hand: int = 0,
    ) -> None:  # fmt: skip
        self.warn, self.num_at_hand = warn, num_at_hand
        self._todo = deque(Job(key, request) for key, request in requests.items())
        self._held: deque[Job] = deque()
        self._num_left = len(requests)
        self._store, self._locks, self._on_done = store, locks, on_done
        self._prices, self._budget, self._spending = prices, budget, spending
        self._polled = 0.0
        self._num_seen = -1

    def __len__(self) -> int:
        """Jobs that are neither kept nor given up."""
        return self._num_left

    @property
    def finished(self) -> bool:
        return self._num_left == 0

    @property
    def waits_for_others(self) -> bool:
        return bool(self._held)

    def take(self) -> Job | None:
        """A job to send; None where there is none now. Others may come: see `finished`, `waits_for_others`."""
        while self._todo:
            job = self._todo.popleft()
            if self._claim(job):
                return job
        if self._held and time.monotonic() - self._polled >= HELD_POLL_S:
            self._polled = time.monotonic()
            for _ in range(len(self._held)):
                job = self._held.popleft()
                if self._claim(job):
                    return job
        return None

    def reserve(self, job: Job) -> bool:
        """Set the worst case of a job's next call aside. False where the budget does not have it now."""
        amount = self._worst_case(job)
        if not self._budget.reserve(amount):
            return False
        job.reserved = amount
        return True

    def over_budget(self, job: Job) -> UserError:
        cap, spent = self._budget.cap, self._budget.spent
        return UserError(
            f"feedback.openai.max_cost: ${spent:.4f} of ${cap:.4f} is spent and the next call may cost "
            f"${self._worst_case(job):.4f}; {len(self)} requests are left. What was answered is kept; "
            "raise the cap and run again to go on"
        )

    def answered(self, job: Job, reply: Reply) -> float:
        """Settle a call that was answered: its cost. Without a count of the server's that can be, its worst case."""
        most_input, most_output = most_tokens(job.request, len(reply.texts) or job.num_samples_left)
        possible = 0 < reply.num_input_tokens <= most_input + MOST_ADDED
        num_input = reply.num_input_tokens if possible else most_input
        counted = reply.num_input_tokens and not reply.texts
        num_output = reply.num_output_tokens if counted else reply.num_output_tokens or most_output
        num_output = num_output if num_output <= most_output + MOST_ADDED else most_output
        cost = self._prices.cost(num_input, num_output)
        self._settle(job, "unreadable" if reply.unreadable else "answered", num_input, num_output, cost)
        if reply.model:
            self._spending.models[reply.model] += 1
        return cost

    def failed(self, job: Job, failure: CallFailed, details: Mapping[str, object]) -> None:
        """Settle and note a call that failed. What may have been billed counts at its worst case."""
        tokens = most_tokens(job.request, job.num_samples_left) if failure.perhaps_billed else (0, 0)
        cost = self._prices.cost(*tokens)
        self._settle(job, failure.cause, *tokens, cost)
        said = {"cause": failure.cause, "retry_after": failure.retry_after, "body": failure.body}
        noted = {**said, "cost": cost, **details}
        self._store.note_failure(job.key, str(failure), noted)

    def note(self, job: Job, reply: Reply, details: Mapping[str, object]) -> None:
        """Note a reply that is no answer."""
        self._store.note_failure(job.key, reply.unreadable, {"cause": "unreadable", **details})

    def keep(self, job: Job, reply: Reply, details: Mapping[str, object]) -> None:
        """The job's reply: on disk first, then handed on, then free for all to read. One that does not last is noted,
        and asked for again by the next run."""
        if lasts(reply):
            self._store.keep(job.key, job.request, reply, details)
            self._locks.note_answer()
        else:
            self.note(job, reply, details)
        self._done(job, reply)

    def give_up(self, job: Job) -> None:
        """No answer could be had."""
        self._done(job, None)

    def _done(self, job: Job, reply: Reply | None) -> None:
        self._locks.free(job.key)
        self._num_left -= 1
        self._on_done(job.key, reply)

    def _claim(self, job: Job) -> bool:
        """Whether the job is ours to send. Whoever had it before may have answered it."""
        ours = self._locks.take(job.key)
        if self._locks.num_by_others != self._num_seen:
            self._num_seen = self._locks.num_by_others
            self._store.refresh()
        reply = self._store.get(job.key) if job.key in self._store else None
        if reply is not None:
            if ours:
                self._locks.free(job.key)
            self._num_left -= 1
            self._on_done(job.key, reply)
            return False
        if not ours:
            self._held.append(job)
        return ours

    def _worst_case(self, job: Job) -> float:
        return self._prices.cost(*most_tokens(job.request, job.num_samples_left))

    def _settle(self, job: Job, cause: str, num_input: int, num_output: int, cost: float) -> None:
        self._budget.settle(job.reserved, cost)
        job.reserved = 0.0
        self._spending.sums[job.request.purpose, cause].add(num_input, num_output, cost)
