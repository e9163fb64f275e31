"""The function through which strategies ask: the store first, then a transport, and what it will and did cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from rlaif.config import FeedbackConfig, JudgeKind
from rlaif.errors import UserError
from rlaif.feedback.budget import Budget, Prices, Spending
from rlaif.feedback.exchange import Reply, Request
from rlaif.feedback.exchange_store import ExchangeStore, request_key
from rlaif.feedback.forecast import Forecast, forecast
from rlaif.feedback.outcomes import check_replies
from rlaif.feedback.request_locks import RequestLocks
from rlaif.feedback.work import Work

Progress = Callable[[int, int], None]
"""Called with (replies at hand, replies in all) of the current call of `ask`."""


class Transport(Protocol):
    """How requests reach a model."""

    @property
    def name(self) -> str:
        """`Answer.judge`."""

    def decides(self, request: Request) -> Mapping[str, object]:
        """All that decides a request's answer, and nothing else. JSON values; hashed, it is the key."""

    def run(self, work: Work) -> None:
        """Take jobs until the work is finished; keep or give up each. Raises UserError where no call can succeed."""

    def close(self) -> None: ...


class Asker:
    """Asks one transport, through one store that other processes may share.

    Args:
        on_forecast: Called before the first call of every `ask` that has to send anything.
        on_reply: Called with (key, reply) as soon as a reply is safe on disk; it may be acknowledged then.
        on_warning: Called with a line that the user should read, each once; None prints it.
    """

    def __init__(
        self, transport: Transport, directory: Path, prices: Prices | None = None, cap: float | None = None,
        on_forecast: Callable[[Forecast], None] | None = None,
        on_reply: Callable[[str, Reply | None], None] | None = None,
        on_warning: Callable[[str], None] | None = None,
    ) -> None:  # fmt: skip
        self.transport, self.prices = transport, prices or Prices()
        self.store = ExchangeStore(directory)
        self.budget, self.spending = Budget(cap), Spending()
        self._locks = RequestLocks(directory)
        self._on_forecast, self._on_reply, self._on_warning = on_forecast, on_reply, on_warning
        self._warned: set[str] = set()

    @property
    def name(self) -> str:
        """The judge's name, for `Answer.judge`."""
        return self.transport.name

    def key(self, request: Request) -> str:
        """A request's key in the store."""
        return request_key(self.transport.decides(request))

    def missing(self, requests: Sequence[Request]) -> dict[str, Request]:
        """By key, what would have to be sent."""
        self.store.refresh()
        keyed = {self.key(request): request for request in requests}
        return {key: request for key, request in keyed.items() if key not in self.store}

    def ask(self, requests: Sequence[Request], progress: Progress | None = None) -> list[Reply | None]:
        """See `exchange.Ask`."""
        keys = [self.key(request) for request in requests]
        self.store.refresh()
        replies: dict[str, Reply | None] = {key: self.store.get(key) if key in self.store else None for key in keys}
        missing = {key: one for key, one in zip(keys, requests, strict=True) if replies[key] is None}
        if missing:
            self._send(missing, replies, progress)
            check_replies(list(missing.values()), [replies[key] for key in missing], len(replies), self.warn)
        found = [replies[key] for key in keys]
        line = self.spending.votes.add(requests, found)
        if line:
            self.warn(line)
        return found

    def warn(self, line: str) -> None:
        """Say a line, if it was not said before."""
        if line not in self._warned:
            self._warned.add(line)
            (self._on_warning or print_line)(line)

    def close(self) -> None:
        self.transport.close()
        self._locks.close()
        self.store.close()

    def __enter__(self) -> Asker:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _send(
        self, missing: Mapping[str, Request], replies: dict[str, Reply | None], progress: Progress | None
    ) -> None:
        if self._on_forecast is not None:
            self._on_forecast(forecast(list(missing.values()), self.transport.name, self.prices, self.store))
        num_done = len(replies) - len(missing)

        def done(key: str, reply: Reply | None) -> None:
            nonlocal num_done
            replies[key] = reply
            num_done += 1
            if self._on_reply is not None:
                self._on_reply(key, reply)
            if progress is not None:
                progress(num_done, len(replies))

        work = Work(
            missing, self.store, self._locks, self.prices, self.budget, self.spending, done, self.warn, num_done
        )
        self.transport.run(work)


def print_line(line: str) -> None:
    """Beside a progress bar, if there is one."""
    from tqdm import tqdm

    tqdm.write(line)


@contextmanager
def open_asker(
    feedback: FeedbackConfig,
    directory: Path,
    on_forecast: Callable[[Forecast], None] | None = None,
) -> Iterator[Asker]:
    """The asker that a config names, closed at the end. Nothing is loaded or called before something is asked.

    Args:
        directory: The store, shared by all jobs: `<runs_dir>/shared/exchanges`.

    Raises:
        UserError: the judge needs no model (static), or its model, key or file is missing.
    """
    cap = feedback.openai.max_cost if feedback.judge is JudgeKind.openai else None
    with Asker(build_transport(feedback), directory, prices_of(feedback), cap, on_forecast) as asker:
        yield asker


def prices_of(feedback: FeedbackConfig) -> Prices:
    """What a config's judge asks for its calls; nothing, but for an endpoint's."""
    if feedback.judge is JudgeKind.openai:
        return Prices(feedback.openai.input_price, feedback.openai.output_price)
    return Prices()


def build_transport(feedback: FeedbackConfig) -> Transport:
    """The transport of a judge that is a model."""
    if feedback.judge is JudgeKind.openai:
        from rlaif.feedback.endpoints import Endpoints

        return Endpoints(feedback.openai)
    if feedback.judge is JudgeKind.local:
        from rlaif.feedback.local_judge import LocalModel

        return LocalModel(feedback.local)
    if feedback.judge is JudgeKind.replay:
        from rlaif.feedback.replay import Replay

        return Replay(feedback.replay)
    raise UserError(f"feedback.judge: {feedback.judge.value} answers by analysis and cannot be asked by prompt")
