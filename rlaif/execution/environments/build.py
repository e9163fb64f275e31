"""Building an environment: a virtual environment with exactly the packages of a lock file.

It lies in ``<directory>/<name>-<digest of its lock>``, and is whole when its marker is
there, which is written last. So a killed build is never taken for an environment: the next
one removes what it left and starts anew. Of several builders at once one builds, and the
others wait for it.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path

from filelock import FileLock, Timeout

from rlaif.errors import UserError
from rlaif.execution.environments.find import MARKER, Installation, Marker, environment_directory, read_installation
from rlaif.execution.environments.spec import SPECS, EnvironmentSpec

Say = Callable[[str], None]

# These wheels' dependencies differ by platform (the CUDA libraries of torch on Linux), so
# that no lock file can pin them; they pin them themselves, exactly.
_BRINGS_ITS_OWN = re.compile(r"torch==\S+")
_RESERVE = 1.5
"""Free disk space that is asked for, as a multiple of the size: downloads lie there for a while too."""


def build_environment(name: str, directory: Path, say: Say | None = None) -> Installation:
    """Build an environment, or find it where it is built already.

    Args:
        directory: all environments' directory.
        say: takes the messages (size and time, before anything is fetched); standard error if None.

    Raises UserError, one line, where it cannot be built; nothing is left then but the lock's file.
    """
    spec, say = SPECS[name], say or _to_standard_error
    home = environment_directory(spec, directory)
    built = read_installation(spec, home)
    if built is not None:
        return built
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        with _only_builder(home, spec, say):
            built = read_installation(spec, home)
            return built if built is not None else _build(spec, home, say)
    except OSError as error:
        raise UserError(f"the {name} environment cannot be built in {home}: {error.strerror or error}") from None


def _only_builder(home: Path, spec: EnvironmentSpec, say: Say) -> AbstractContextManager[object]:
    """One environment's lock, acquired until the context ends; says so where another process has it."""
    lock = FileLock(f"{home}.lock")
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        say(f"Waiting for another process that builds the {spec.name} environment")
        return lock.acquire()


def _build(spec: EnvironmentSpec, home: Path, say: Say) -> Installation:
    python = _base_interpreter(spec)
    _check_space(spec, home.parent)
    say(
        f"Building the {spec.name} environment in {home}: {spec.size_mb / 1000:.1f} GB on disk,"
        f" about {spec.minutes:g} minutes on two cores; its packages come from pip's index (once)"
    )
    shutil.rmtree(home, ignore_errors=True)  # what a killed build left
    started = time.monotonic()
    try:
        _install(spec, python, home)
        marker = Marker(
            name=spec.name,
            lock=spec.digest,
            python=platform.python_version() if python == _own() else _version(python),
            seconds=round(time.monotonic() - started, 1),
        )
        partial = home / f"{MARKER}.partial"
        partial.write_text(json.dumps(asdict(marker)) + "\n", encoding="utf-8")
        partial.rename(home / MARKER)
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise
    say(f"Built the {spec.name} environment in {marker.seconds:.0f} s")
    built = read_installation(spec, home)
    assert built is not None
    return built


def _install(spec: EnvironmentSpec, python: str, home: Path) -> None:
    """Create the virtual environment, install every pin, take out what does not load, and try it."""
    assert spec.lock is not None
    _run(spec, [python, "-m", "venv", str(home)])
    interpreter = str(home / "bin" / "python")
    install = [interpreter, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    install += ["--only-binary", ":all:"]  # nothing of a package runs while it is installed
    for pin in _BRINGS_ITS_OWN.findall(spec.lock.read_text(encoding="utf-8")):
        _run(spec, [*install, "--constraint", str(spec.lock), pin])
    _run(spec, [*install, "--no-deps", "--requirement", str(spec.lock)])
    site_packages = next((home / "lib").glob("python*")) / "site-packages"
    for pattern in spec.removed:
        for path in site_packages.glob(pattern):
            path.unlink()
    # What a sandbox will import first, so that an environment that is there is one that works.
    imports = "".join(f"import {module}\n" for module in spec.preload)
    paths = [str(path) for path in spec.warm_up_paths]
    # What numba compiles on the way is kept, for `warm_up` to use.
    cache = {"NUMBA_CACHE_DIR": str(site_packages / "numba_cache")}
    _run(spec, [interpreter, "-I", "-c", f"import sys\nsys.path += {paths!r}\n{imports}"], cache)


def _run(spec: EnvironmentSpec, command: list[str], variables: Mapping[str, str] | None = None) -> None:
    environment = {**_environment(), **(variables or {})}
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise UserError(f"the {spec.name} environment cannot be built: {_reason(done.stdout + done.stderr)}")


def _environment() -> dict[str, str]:
    """The builder's own, so that pip finds its proxy and index, less what would lead it to other packages."""
    unwanted = ("PYTHONPATH", "PYTHONHOME", "PIP_REQUIRE_VIRTUALENV", "PIP_TARGET", "PIP_PREFIX", "PIP_USER")
    return {key: value for key, value in os.environ.items() if key not in unwanted}


def _reason(output: str) -> str:
    """Of all that pip says, the one line that tells why it failed."""
    if re.search(r"No space left on device|Errno 28", output):
        return "the disk is full"
    if re.search(r"NewConnectionError|NameResolutionError|Failed to establish|ProxyError|Connection refused", output):
        return "no package index can be reached (see `pip config list`); a network is needed once"
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["pip ended without a word"])[-1]


def _check_space(spec: EnvironmentSpec, directory: Path) -> None:
    needed_mb, free_mb = spec.size_mb * _RESERVE, shutil.disk_usage(directory).free / 1e6
    if free_mb < needed_mb:
        raise UserError(
            f"the {spec.name} environment needs {needed_mb / 1000:.1f} GB of free disk space while it is built, and"
            f" {directory} has {free_mb / 1000:.1f} GB; RLAIF_ENVIRONMENTS=DIR puts environments elsewhere"
        )


def _base_interpreter(spec: EnvironmentSpec) -> str:
    """This interpreter where the lock file is for its version, else one of that version on the PATH."""
    if platform.python_version_tuple()[:2] in [tuple(version.split(".")) for version in spec.pythons]:
        return _own()
    for version in spec.pythons:
        found = shutil.which(f"python{version}")
        if found is not None:
            return os.path.realpath(found)
    raise UserError(f"the {spec.name} environment is for Python {' or '.join(spec.pythons)}, which is not installed")


def _own() -> str:
    """The interpreter behind a virtual environment's."""
    return os.path.realpath(sys.executable)


def _version(python: str) -> str:
    code = "import platform; print(platform.python_version())"
    return subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def _to_standard_error(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
