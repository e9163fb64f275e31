"""Runs snippets: each at most once, several at a time, every verdict kept on disk."""

from __future__ import annotations

import hashlib
import platform
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path

from rlaif.config import Environment, ExecutionConfig, Isolation, Level
from rlaif.errors import UserError
from rlaif.execution.cache import VerdictCache
from rlaif.execution.classify import classify
from rlaif.execution.isolation import Limits, choose_isolation, make_worker
from rlaif.execution.missing_ids import explain
from rlaif.execution.surroundings import Surroundings, prepare
from rlaif.execution.verdict import Verdict
from rlaif.execution.worker import SandboxError, Worker
from rlaif.records import ApiRow

NO_CODE = Verdict("fault", "no_code", "there is no code", None, 0.0)
NOT_RUN = Verdict("inconclusive", "not_run", "execution.environment is none", None, 0.0)


class Executor:
    """Executes snippets in the environment of the config; a context manager.

    Sandboxes start with the first snippet that has no verdict yet, and stay until the end.

    Its verdicts are raw: what a library's error says about the code is settled in `levels`.

    Args:
        config: the `execution` group.
        cache_dir: where verdicts are kept; may be shared with other processes.
        assets_dir: where an environment's hub is built, once; may be shared too.
        database: the API database. The hub is made from it.

    Raises UserError where the environment cannot be had.
    """

    def __init__(
        self, config: ExecutionConfig, cache_dir: Path, assets_dir: Path, database: Sequence[ApiRow] = ()
    ) -> None:
        self._config = config
        self._limits = Limits(config.timeout_s, config.memory_mb)
        self._cache: VerdictCache | None = None
        if config.environment is not Environment.none:
            self._surroundings = prepare(config, database, assets_dir)
            self._cache = VerdictCache(cache_dir, _identity(config, self._surroundings))
        self._pool: ThreadPoolExecutor | None = None
        self._workers: list[Worker] = []
        self._local = threading.local()
        self._start = threading.Lock()

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End all sandboxes. Safe to call twice."""
        for worker in self._workers:
            worker.interrupt()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        for worker in self._workers:
            worker.close()
        self._pool, self._workers = None, []

    def run(self, snippets: Sequence[str | None], progress: Callable[[int], None] | None = None) -> list[Verdict]:
        """One verdict per snippet, in order. None, or nothing but blanks, is a completion without code.

        Args:
            progress: called with the number of snippets that have just got their verdict
                (as `tqdm.update` takes it); the numbers add up to ``len(snippets)``.
        """
        report = progress or _ignore
        if self._cache is None:
            report(len(snippets))
            return [NOT_RUN] * len(snippets)
        counts = Counter(code for code in snippets if code is not None and code.strip())
        verdicts = self._known(self._cache, counts)
        report(len(snippets) - sum(count for code, count in counts.items() if code not in verdicts))
        futures = self._submit([code for code in counts if code not in verdicts])
        try:
            for future in as_completed(futures):
                code = futures[future]
                verdicts[code] = future.result()
                self._cache.add(code, verdicts[code])
                report(counts[code])
        finally:
            for future in futures:
                future.cancel()
        return [NO_CODE if code is None else verdicts.get(code, NO_CODE) for code in snippets]

    def _known(self, cache: VerdictCache, codes: Counter[str]) -> dict[str, Verdict]:
        cache.refresh()
        found = {code: cache.get(code) for code in codes}
        return {code: verdict for code, verdict in found.items() if verdict is not None}

    def _submit(self, codes: list[str]) -> dict[Future[Verdict], str]:
        if not codes:
            return {}
        if self._pool is None:
            # Checked here, before any thread: a machine without isolation is one error, not one a snippet.
            self._make_worker = self._worker_factory()
            self._pool = ThreadPoolExecutor(self._config.num_workers, thread_name_prefix="execution")
        return {self._pool.submit(self._execute, code): code for code in codes}

    def _execute(self, code: str) -> Verdict:
        """In a thread of the pool, each of which has its own worker."""
        surroundings = self._surroundings
        try:
            if not hasattr(self._local, "worker"):
                with self._start:
                    self._local.worker = self._make_worker()
                    self._workers.append(self._local.worker)
            outcome = self._local.worker.run(code, surroundings.files_for(code), surroundings.pages_for(code))
        except SandboxError as error:
            raise UserError(f"the {self._config.environment.value} sandbox does not start: {error}") from None
        verdict = classify(outcome, surroundings.hub_index)
        return verdict if surroundings.hub_ids is None else explain(verdict, code, surroundings.hub_ids)

    def _worker_factory(self) -> Callable[[], Worker]:
        isolation = choose_isolation(self._config.isolation)
        if isolation is Isolation.none:
            warnings.warn(
                "execution.isolation=none: generated code runs unprotected, with your files and your network",
                stacklevel=4,
            )
        if self._config.level is Level.online:
            warnings.warn(
                "execution.level=online: generated code runs with your network (this machine's own services"
                " included); its files and environment variables stay apart from yours",
                stacklevel=4,
            )
        return lambda: make_worker(isolation, self._surroundings.contents, self._limits)


def _identity(config: ExecutionConfig, surroundings: Surroundings) -> str:
    """What a verdict depends on besides the snippet; changes with the code of this room too."""
    room = Path(__file__).parent
    folders = ("", "inside", "environments", "environments/warm_up", "hubs/sample_files")
    paths = sorted(path for folder in folders for path in (room / folder).glob("*.py"))
    code = b"".join(path.read_bytes() for path in paths)
    return " ".join((
        surroundings.identity,
        "unprotected" if config.isolation is Isolation.none else "isolated",
        platform.machine(),
        hashlib.sha256(code).hexdigest(),
    ))  # fmt: skip


def _ignore(_: int) -> None:
    pass
