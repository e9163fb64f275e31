"""What every offline hub is to those who run snippets with it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock


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
    samples: Path | None = None
    """The folder of sample files that only the environment's own libraries can write; None where there are none."""


def built_once(folder: Path, fill: Callable[[Path], None]) -> Path:
    """`folder`, made absolute: what `fill` writes into an empty one, unless it is there.

    Several processes may ask at once: one builds, and the folder appears whole.
    """
    folder = folder.parent.resolve() / folder.name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not folder.is_dir():
            partial = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
            try:
                fill(partial)
                partial.chmod(0o755)
                partial.rename(folder)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    return folder
