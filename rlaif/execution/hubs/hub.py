"""What every offline hub is to those who run snippets with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Failure:
    """One id of the API database that the hub could not be given."""

    id: str
    reason: str
    """One line."""


@dataclass(frozen=True)
class Hub:
    """A hub on disk: a folder named for its content, which nobody changes any more."""

    directory: Path
    """Absolute; readable inside the sandbox at the same path."""
    variables: tuple[tuple[str, str], ...]
    """The environment variables with which a library finds it."""
    num_built: int
    """How many ids of the database it has."""
    failures: tuple[Failure, ...] = ()
