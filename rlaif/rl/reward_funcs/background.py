"""Two daemon threads for work beside the caller's: one for functions, one for coroutines.

Daemon threads, not a `ThreadPoolExecutor`: the interpreter joins a pool's threads when it exits,
so that after Ctrl-C it would hang until a slow function has ended.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any

SECONDS_TO_END = 1.0
"""How long `stop` waits for what is running. It cannot be interrupted; the thread ends when it ends."""

Job = tuple["Future[Any]", Callable[[], Any]]


class WorkerThread:
    """Runs functions one after another. Starts with the first; `stop` ends it, a later function starts it again."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread: threading.Thread | None = None
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()

    def submit(self, function: Callable[[], Any]) -> Future[Any]:
        if self._thread is None:
            self._jobs = queue.SimpleQueue()
            self._thread = threading.Thread(target=_work, args=(self._jobs,), name=self._name, daemon=True)
            self._thread.start()
        future: Future[Any] = Future()
        self._jobs.put((future, function))
        return future

    def stop(self) -> None:
        """End the thread once it has done what was submitted; cancel that first where it is not wanted."""
        if self._thread is not None:
            thread, self._thread = self._thread, None
            self._jobs.put(None)
            thread.join(SECONDS_TO_END)


def _work(jobs: queue.SimpleQueue[Job | None]) -> None:
    while (job := jobs.get()) is not None:
        future, function = job
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(function())
            except BaseException as error:  # SystemExit too: whoever waits for the future has to learn of it
                future.set_exception(error)
        del job, future, function  # they may hold a rollout: not until the next job


class EventLoopThread:
    """Runs coroutines, all at once. Starts with the first; `stop` ends it, a later coroutine starts it again."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event

    def submit(self, coroutine: Coroutine[Any, Any, Any]) -> Future[Any]:
        if self._thread is None:
            ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
            self._thread = threading.Thread(target=lambda: asyncio.run(_serve(ready)), name=self._name, daemon=True)
            self._thread.start()
            self._loop, self._stop = ready.result()
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def stop(self) -> None:
        """Cancel what is running and end the thread."""
        if self._thread is not None:
            thread, self._thread = self._thread, None
            self._loop.call_soon_threadsafe(self._stop.set)
            thread.join(SECONDS_TO_END)


async def _serve(ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]]) -> None:
    stop = asyncio.Event()
    ready.set_result((asyncio.get_running_loop(), stop))
    await stop.wait()  # then asyncio.run cancels the coroutines that are left
