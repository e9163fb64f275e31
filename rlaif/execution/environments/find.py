"""Where environments lie, and what is in one that is built."""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from rlaif.errors import UserError
from rlaif.execution.environments.spec import SPECS, EnvironmentSpec

DIRECTORY_VARIABLE = "RLAIF_ENVIRONMENTS"
DEFAULT_DIRECTORY = ".environments"
MARKER = "built.json"


@dataclass(frozen=True)
class Marker:
    """What a build says of itself when all of it is done."""

    name: str
    lock: str
    python: str
    """Version of the interpreter."""
    seconds: float


@dataclass(frozen=True)
class Installation:
    """An environment that can be used."""

    spec: EnvironmentSpec
    interpreter: Path
    """The virtual environment's; the trainer's own for stdlib."""
    site_packages: tuple[Path, ...]
    """Where its packages are; none for stdlib."""
    lock: str
    """Digest of the lock file that it was built from; empty for stdlib."""
    python: str
    """Version of the interpreter."""

    @property
    def identity(self) -> str:
        """What a verdict in this environment depends on: name, packages, interpreter."""
        return f"{self.spec.name} {self.lock} {self.python}"


def environments_directory() -> Path:
    """``$RLAIF_ENVIRONMENTS``, or `.environments` in the working directory."""
    return Path(os.environ.get(DIRECTORY_VARIABLE) or DEFAULT_DIRECTORY).absolute()


def environment_directory(spec: EnvironmentSpec, directory: Path) -> Path:
    return directory.absolute() / f"{spec.name}-{spec.digest}"


def find_environment(name: str, directory: Path) -> Installation:
    """An environment that is built. UserError, with the command that builds it, where it is not."""
    spec = SPECS[name]
    found = read_installation(spec, environment_directory(spec, directory))
    if found is None:
        where = "" if directory.absolute() == environments_directory() else f" --dir {directory}"
        raise UserError(
            f"the {name} environment is not built in {directory} ({spec.size_mb / 1000:.1f} GB, about"
            f" {spec.minutes:g} minutes): python -m rlaif.execution build {name}{where}"
        )
    return found


def read_installation(spec: EnvironmentSpec, home: Path) -> Installation | None:
    """What is built at ``home``; None where nothing is, or not all of it."""
    if spec.lock is None:
        return Installation(spec, Path(sys.executable), (), "", platform.python_version())
    interpreter = home / "bin" / "python"
    try:
        marker = Marker(**json.loads((home / MARKER).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    site_packages = home / "lib" / f"python{marker.python.rpartition('.')[0]}" / "site-packages"
    if marker.lock != spec.digest or not interpreter.exists() or not site_packages.is_dir():
        return None
    return Installation(spec, interpreter, (site_packages.resolve(),), marker.lock, marker.python)
