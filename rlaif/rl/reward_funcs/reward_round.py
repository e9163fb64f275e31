"""One rollout's rewards: functions are called while completions come in, and after."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rlaif.errors import UserError
from rlaif.records import FinishReason
from rlaif.rl.dataset import Prompt
from rlaif.rl.reward_funcs.background import EventLoopThread, WorkerThread
from rlaif.rl.reward_funcs.logged import read_column, read_metric
from rlaif.rl.reward_funcs.scores import MissingRewards, Reward, Scores, combine, read_rewards

RESERVED = ("prompts", "completions", "trainer_state", "log_extra", "log_metric")
"""What a reward function is handed besides `completion_ids`, `finish_reason` and the data's columns."""


@dataclass(frozen=True)
class RewardSource:
    """A reward function and when it is called."""

    name: str
    function: Callable[..., Any]
    is_async: bool
    overlap_batch_size: int | None
    """Completions that a call waits for; None: for all."""

    @property
    def in_background(self) -> bool:
        return self.is_async or self.overlap_batch_size is not None

    def choose(self, available: Mapping[str, Any]) -> dict[str, Any]:
        """Those arguments that the signature takes."""
        parameters = self._parameters()
        if parameters is None or any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            return dict(available)
        return {name: value for name, value in available.items() if name in parameters}

    def require(self, columns: Collection[str]) -> None:
        """UserError where the signature asks for what there is not."""
        available = {*RESERVED, "completion_ids", "finish_reason", *columns}
        for name, p in (self._parameters() or {}).items():
            is_variadic = p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
            if p.kind is p.POSITIONAL_ONLY or (name not in available and p.default is p.empty and not is_variadic):
                raise UserError(
                    f"reward function {self.name}: its parameter {name!r} cannot be given by name; there are "
                    f"{', '.join(sorted(available))}"
                )

    def _parameters(self) -> Mapping[str, inspect.Parameter] | None:
        """None for a callable whose signature Python does not know."""
        try:
            return inspect.signature(self.function).parameters
        except (TypeError, ValueError):
            return None


class RewardRound:
    """Made by `Rewards.begin`. In a `with`, an exception on the way, Ctrl-C too, cancels what was begun."""

    def __init__(
        self,
        sources: Sequence[RewardSource],
        weights: Mapping[str, float],
        prompts: Sequence[Prompt],
        trainer_state: Any,
        missing: MissingRewards,
        worker: WorkerThread,
        loop: EventLoopThread,
    ) -> None:
        self._sources, self._weights, self._missing = sources, weights, missing
        self._prompts, self._trainer_state = prompts, trainer_state
        self._worker, self._loop = worker, loop
        self._completions: dict[int, str] = {}
        self._completion_ids: dict[int, list[int]] = {}
        self._finish_reasons: dict[int, FinishReason] = {}
        self._futures: list[Future[Any]] = []

        self._lock = threading.Lock()  # for what follows, which the threads write
        self._waiting: dict[str, list[int]] = {source.name: [] for source in sources}
        self._rewards: dict[str, dict[int, Reward]] = {source.name: {} for source in sources}
        self._seconds = dict.fromkeys(self._waiting, 0.0)
        self._metrics: dict[str, list[float]] = defaultdict(list)
        self._extra_columns: dict[str, dict[int, Any]] = defaultdict(dict)
        self._failure: UserError | None = None

    def add(
        self, row: int, completion: str, completion_ids: Sequence[int], finish_reason: FinishReason | None = None
    ) -> None:
        """Row `row` of the prompts has ended, with this text and these tokens, its EOS included.

        Functions are told the reason where every row of their call has one.

        Raises:
            UserError: a function that overlaps decoding has failed.
        """
        if row in self._completions or not 0 <= row < len(self._prompts):
            raise ValueError(f"row {row} of {len(self._prompts)} has a completion already, or is none")
        self._raise_failure()
        self._completions[row], self._completion_ids[row] = completion, list(completion_ids)
        if finish_reason is not None:
            self._finish_reasons[row] = finish_reason
        for source in self._sources:
            self._hand_out(source, row)

    def result(self) -> Scores:
        """Wait for all functions. Call it when every row has been added.

        Raises:
            UserError: a function failed, or returned what is not a reward for each completion.
        """
        if len(self._completions) < len(self._prompts):
            raise ValueError(f"{len(self._prompts) - len(self._completions)} rows have no completion yet")
        rows = list(range(len(self._prompts)))
        try:
            for source in self._sources:
                if rows and not source.in_background:
                    self._raise_failure()
                    self._call(source, rows)
            wait(self._futures, return_when=FIRST_EXCEPTION)
            self._raise_failure()
        except BaseException:
            self.cancel()
            raise
        return self._scores(rows)

    def cancel(self) -> None:
        """Give up what has not begun, and async functions at once; a plain function that runs is left to itself."""
        for future in self._futures:
            future.cancel()

    def __enter__(self) -> RewardRound:
        return self

    def __exit__(self, exception_type: type[BaseException] | None, *exception: object) -> None:
        if exception_type is not None:
            self.cancel()

    def _hand_out(self, source: RewardSource, row: int) -> None:
        """Start a call in the background, if enough completions wait for one."""
        if not source.in_background:
            return
        with self._lock:
            self._waiting[source.name].append(row)
            num_waiting = len(self._waiting[source.name])
        is_last = len(self._completions) == len(self._prompts)
        enough = source.overlap_batch_size is not None and num_waiting >= source.overlap_batch_size
        if is_last or enough:
            if source.is_async:
                self._futures.append(self._loop.submit(self._call_async(source, self._take_waiting(source))))
            else:
                self._futures.append(self._worker.submit(lambda: self._call_waiting(source)))

    def _take_waiting(self, source: RewardSource) -> list[int]:
        with self._lock:
            rows, self._waiting[source.name] = self._waiting[source.name], []
        return rows

    def _call_waiting(self, source: RewardSource) -> None:
        """On the worker thread. All that has come in since it was submitted goes into one call."""
        rows = self._take_waiting(source)
        if rows and self._failure is None:
            self._call(source, rows)

    def _call(self, source: RewardSource, rows: list[int]) -> None:
        with self._watch(source):
            returned = source.function(**self._arguments(source, rows))
            if inspect.isawaitable(returned):
                if inspect.iscoroutine(returned):
                    returned.close()
                raise UserError("returned an awaitable: define it with async def")
            self._keep(source, rows, returned)

    async def _call_async(self, source: RewardSource, rows: list[int]) -> None:
        with self._watch(source):
            self._keep(source, rows, await source.function(**self._arguments(source, rows)))

    @contextmanager
    def _watch(self, source: RewardSource) -> Iterator[None]:
        """Take the time, and turn an exception into the round's failure."""
        start = time.perf_counter()
        try:
            yield
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            if not isinstance(error, Exception) and not source.in_background:
                raise  # Ctrl-C while the caller's own thread is in the function
            failure = _failure(source.name, error)
            with self._lock:
                self._failure = self._failure or failure
            raise failure from error
        finally:
            with self._lock:
                self._seconds[source.name] += time.perf_counter() - start

    def _keep(self, source: RewardSource, rows: list[int], returned: Any) -> None:
        rewards = read_rewards(returned, [self._completion_ids[row] for row in rows])
        with self._lock:
            self._rewards[source.name].update(zip(rows, rewards, strict=True))

    def _arguments(self, source: RewardSource, rows: list[int]) -> dict[str, Any]:
        """What the function is called with."""
        prompts = [self._prompts[row] for row in rows]
        texts = [self._completions[row] for row in rows]
        conversational = prompts[0].messages is not None
        columns = {name: [prompt.columns[name] for prompt in prompts] for name in prompts[0].columns}
        return source.choose({
            **self._reasons(rows),
            **columns,  # one that is called finish_reason too stays the data's own
            # copies, so that a function that changes what it is handed does not change the data
            "prompts": [[dict(m) for m in p.messages] if p.messages is not None else p.text for p in prompts],
            "completions": [[{"role": "assistant", "content": t}] for t in texts] if conversational else texts,
            "completion_ids": [list(self._completion_ids[row]) for row in rows],
            "trainer_state": self._trainer_state,
            "log_extra": lambda column, values: self._log_extra(rows, column, values),
            "log_metric": self._log_metric,
        })  # fmt: skip

    def _reasons(self, rows: list[int]) -> dict[str, list[FinishReason]]:
        known = [self._finish_reasons[row] for row in rows if row in self._finish_reasons]
        return {"finish_reason": known} if len(known) == len(rows) else {}

    def _log_extra(self, rows: list[int], column: str, values: Any) -> None:
        read = read_column(column, values, len(rows))
        with self._lock:
            self._extra_columns[str(column)].update(zip(rows, read, strict=True))

    def _log_metric(self, name: str, value: Any) -> None:
        number = read_metric(name, value)
        with self._lock:
            self._metrics[str(name)].append(number)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            self.cancel()
            raise self._failure

    def _scores(self, rows: list[int]) -> Scores:
        for name, rewards in self._rewards.items():
            if len(rewards) != len(rows):
                raise UserError(f"reward function {name}: it was cancelled before it returned")
        scores = combine(
            {name: [rewards[row] for row in rows] for name, rewards in self._rewards.items()},
            self._weights,
            [len(self._completion_ids[row]) for row in rows],
            self._missing,
        )
        scores.metrics.update({name: sum(values) / len(values) for name, values in self._metrics.items()})
        scores.seconds.update(self._seconds)
        for column, values in self._extra_columns.items():
            scores.extra_columns[column] = [values.get(row) for row in rows]
        return scores


def _failure(name: str, error: BaseException) -> UserError:
    """One line that names the function and, for an exception of its own, the place."""
    if isinstance(error, UserError):
        return UserError(f"reward function {name}: {error}")
    place = traceback.extract_tb(error.__traceback__)[-1]
    words = " ".join(str(error).split())[:500]
    said = f"{type(error).__name__}: {words}" if words else type(error).__name__
    return UserError(f"reward function {name}: {said} ({place.filename}:{place.lineno})")
