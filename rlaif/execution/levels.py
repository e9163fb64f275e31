"""What turns snippets into verdicts, at the level that the config names, behind one interface.

- static: nothing is run (`static_level`);
- tiny, online: an `Executor`. Where there is a hub, its verdicts are settled: a library's
  error counts against the code only where a reference of the same id passes (`trust`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol, Self

from rlaif.config import Environment, ExecutionConfig, Level
from rlaif.execution.api_ids import ApiId, ids_named, ids_of, ids_of_examples
from rlaif.execution.executor import Executor
from rlaif.execution.static_index import load_index
from rlaif.execution.static_level import StaticCheck
from rlaif.execution.surroundings import installation_of
from rlaif.execution.trust import may_be_the_hubs, settle
from rlaif.execution.verdict import Verdict
from rlaif.records import ApiRow

MAX_REFERENCES = 8
"""How many references of an id are tried, in the data set's order, before none is taken to pass."""

Progress = Callable[[int], None]


class Runner(Protocol):
    """A context manager that gives every snippet a verdict; see `Executor.run`."""

    def run(self, snippets: Sequence[str | None], progress: Progress | None = None) -> list[Verdict]: ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...


def open_runner(
    config: ExecutionConfig,
    cache_dir: Path,
    assets_dir: Path,
    database: Sequence[ApiRow] = (),
    references: Callable[[], Iterable[str | None]] | None = None,
) -> Runner:
    """The level's runner.

    Args:
        cache_dir, assets_dir, database: as `Executor` has them.
        references: gives the code of the data set's references; asked for where a verdict turns on it. Without it,
            verdicts stay as the executor has them.

    Raises UserError where the environment cannot be had.
    """
    if config.level is Level.static and config.environment is not Environment.none:
        return StaticRunner(config, assets_dir, database)
    executor = Executor(config, cache_dir, assets_dir, database)
    if references is None or config.environment in (Environment.none, Environment.stdlib):
        return executor
    return SettledRunner(executor, ids_of(database), references)


class StaticRunner:
    """Level static: checks snippets against an index of the environment, which is made the first time (minutes)."""

    def __init__(self, config: ExecutionConfig, assets_dir: Path, database: Sequence[ApiRow]) -> None:
        if config.environment is Environment.stdlib:
            self._check = StaticCheck()
            return
        installation = installation_of(config.environment)
        index = load_index(installation.interpreter, f"{installation.spec.name}-{installation.lock}", assets_dir)
        self._check = StaticCheck(index, ids_of(database) | ids_of_examples(database))

    def run(self, snippets: Sequence[str | None], progress: Progress | None = None) -> list[Verdict]:
        return self._check.run(snippets, progress)

    def close(self) -> None:
        """Nothing is held."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class SettledRunner:
    """An executor whose verdicts hold a library's error against the code only where an id's own reference passes.

    References are run only for the ids that a doubtful verdict is about, each id once. The
    executor keeps raw verdicts, so that what is settled can be settled anew.

    Args:
        known: the ids of the database.
    """

    def __init__(
        self, executor: Runner, known: frozenset[ApiId], references: Callable[[], Iterable[str | None]]
    ) -> None:
        self._executor = executor
        self._known = known
        self._references = references
        self._by_id: dict[ApiId, list[str]] | None = None
        self._decided: set[ApiId] = set()
        self._passed: frozenset[ApiId] = frozenset()

    def run(self, snippets: Sequence[str | None], progress: Progress | None = None) -> list[Verdict]:
        verdicts = self._executor.run(snippets, progress)
        doubtful = {code for code, verdict in zip(snippets, verdicts, strict=True) if may_be_the_hubs(verdict)}
        if doubtful:
            self._decide(frozenset().union(*(ids_named(code, self._known) for code in doubtful)))
        return settle(verdicts, snippets, self._passed, self._known)

    def _decide(self, ids: frozenset[ApiId]) -> None:
        """Run references of the ids that are not decided yet, one of each at a time, until one passes."""
        undecided = ids - self._decided
        if not undecided:
            return
        by_id = self._references_by_id()
        for turn in range(MAX_REFERENCES):
            turns = {one: by_id[one][turn] for one in undecided - self._passed if turn < len(by_id.get(one, ()))}
            if not turns:
                break
            codes = sorted(set(turns.values()))
            verdicts = self._executor.run(codes)
            passing = {code for code, verdict in zip(codes, verdicts, strict=True) if verdict.status == "pass"}
            self._passed |= {one for one, code in turns.items() if code in passing}
        self._decided |= undecided

    def _references_by_id(self) -> dict[ApiId, list[str]]:
        if self._by_id is None:
            self._by_id = defaultdict(list)
            for code in dict.fromkeys(code for code in self._references() if code):
                for one in ids_named(code, self._known):
                    self._by_id[one].append(code)
        return self._by_id

    def close(self) -> None:
        self._executor.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
