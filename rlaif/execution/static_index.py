"""What an environment has: its modules, their names, and its pipelines' tasks; looked up once and kept on disk."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock

from rlaif.errors import UserError
from rlaif.execution.classify import KNOWN_PACKAGES

_SCRIPT = Path(__file__).with_name("index_script.py")
_TIMEOUT_S = 300.0
_VARIABLES = {
    "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HF_HUB_OFFLINE": "1", "TF_CPP_MIN_LOG_LEVEL": "3",
    "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "",
}  # fmt: skip


@dataclass(frozen=True)
class EnvironmentIndex:
    """The packages of one environment. Without any, an environment of the standard library alone."""

    packages: frozenset[str] = frozenset()
    """Top-level names that can be imported, those of the standard library not among them."""
    listed: frozenset[str] = frozenset()
    """Every module of the packages that were looked into."""
    modules: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    """Of the modules whose names are all known: name -> the module that it is, or None for anything else."""
    looked_into: frozenset[str] = frozenset()
    """Packages whose modules are all in `listed`."""
    tasks: frozenset[str] = frozenset()
    """Of transformers' pipelines; empty where it is not installed."""
    failures: Mapping[str, str] = field(default_factory=dict)
    """Packages that could not be looked into, and why."""


def load_index(interpreter: Path, digest: str, directory: Path) -> EnvironmentIndex:
    """The index of an environment; made by its interpreter if it is not in ``directory`` yet.

    Args:
        digest: identifies the environment's content; part of the file's name.

    Making one imports every known package once, and takes a minute or two for a large environment.
    Raises UserError where the interpreter does not start.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"index-{digest}.json"
    with FileLock(f"{path}.lock"):
        if not path.exists():
            partial = path.with_suffix(".partial")
            partial.write_text(json.dumps(asdict(_make_index(interpreter)), default=sorted), encoding="utf-8")
            partial.replace(path)
        return _read_index(path)


def _read_index(path: Path) -> EnvironmentIndex:
    fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    sets = ("packages", "listed", "looked_into", "tasks")
    return EnvironmentIndex(**fields | {name: frozenset(fields[name]) for name in sets})


def _make_index(interpreter: Path) -> EnvironmentIndex:
    try:
        importable = frozenset(_ask(interpreter, ["list"]))
    except _LookFailed as error:
        raise UserError(f"{interpreter}: the environment cannot be looked into: {error}") from None
    found: dict[str, Any] = {}
    failures = {}
    for package in sorted(importable & KNOWN_PACKAGES):
        try:
            # A process each: a package that crashes, or hangs, leaves the others as they are.
            found[package] = _ask(interpreter, ["look", package])
        except _LookFailed as error:
            failures[package] = str(error)
    return EnvironmentIndex(
        packages=importable,
        listed=frozenset(name for one in found.values() for name in one["listed"]),
        modules={name: names for one in found.values() for name, names in one["modules"].items()},
        looked_into=frozenset(found),
        tasks=frozenset(task for one in found.values() for task in one["tasks"]),
        failures=failures,
    )


class _LookFailed(Exception):
    pass


def _ask(interpreter: Path, request: Sequence[str]) -> Any:
    with tempfile.TemporaryDirectory(prefix="rlaif-index-") as directory:
        answer = Path(directory) / "answer.json"
        command = [str(interpreter), "-I", str(_SCRIPT), request[0], str(answer), *request[1:]]
        try:
            subprocess.run(
                command,
                env={**_VARIABLES, "HOME": directory, "TMPDIR": directory},
                cwd=directory,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TIMEOUT_S,
                check=True,
            )
            return json.loads(answer.read_text(encoding="utf-8"))
        except subprocess.CalledProcessError as error:
            words = error.stderr.decode(errors="replace").strip().splitlines()
            raise _LookFailed(words[-1][:300] if words else f"status {error.returncode}") from None
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            raise _LookFailed(str(error)[:300]) from None
