"""Executors in the isolation kinds that work on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from rlaif.config import Environment, ExecutionConfig, Isolation
from rlaif.errors import UserError
from rlaif.execution import Executor, Verdict
from rlaif.execution.environments import Installation, environments_directory, find_environment
from rlaif.execution.isolation import find_problem

Run = Callable[[str], Verdict]


@cache
def problem_with(isolation: Isolation) -> str | None:
    return find_problem(isolation)


def make_config(isolation: Isolation = Isolation.auto, **changes: object) -> ExecutionConfig:
    config = ExecutionConfig(
        name="stdlib",
        environment=Environment.stdlib,
        isolation=isolation,
        timeout_s=1.5,
        memory_mb=256,
        num_workers=2,
    )
    for key, value in changes.items():
        setattr(config, key, value)
    return config


@pytest.fixture(scope="session", params=[Isolation.bubblewrap, Isolation.landlock], ids=lambda kind: kind.value)
def isolation(request: pytest.FixtureRequest) -> Isolation:
    kind: Isolation = request.param
    problem = problem_with(kind)
    if problem is not None:
        pytest.skip(f"{kind.value} does not work here: {problem}")
    return kind


@pytest.fixture(scope="session")
def executor(isolation: Isolation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Executor]:
    directory: Path = tmp_path_factory.mktemp("execution")
    with Executor(make_config(isolation), directory / "cache", directory / "assets") as executor:
        yield executor


@pytest.fixture
def run(executor: Executor) -> Run:
    def run_one(code: str) -> Verdict:
        return executor.run([code])[0]

    return run_one


@pytest.fixture(scope="session")
def some_isolation() -> Isolation:
    """One kind that works here, for tests that do not turn on which."""
    for kind in (Isolation.landlock, Isolation.bubblewrap):
        if problem_with(kind) is None:
            return kind
    pytest.skip("no isolation works here")


@pytest.fixture(scope="session", name="make_config")
def _make_config() -> Callable[..., ExecutionConfig]:
    """make_config(isolation, **changes)"""
    return make_config


@pytest.fixture(scope="session")
def installed() -> Callable[[str], Installation]:
    """installed(name): an environment that is built; where it is not, the test is skipped with the command."""

    def find(name: str) -> Installation:
        try:
            return find_environment(name, environments_directory())
        except UserError as error:
            pytest.skip(str(error))

    return find
