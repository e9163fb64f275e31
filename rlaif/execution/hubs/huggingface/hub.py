"""Builds the offline Hugging Face hub: once for a database and an environment, safe against a kill and two at once."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rlaif.errors import UserError
from rlaif.execution.hubs.hub import Failure, Hub, built_once
from rlaif.execution.hubs.huggingface.survey import Repository, survey
from rlaif.records import ApiRow

NUM_PROCESSES = 2
_FOLDER = Path(__file__).parent
_SCRIPT = _FOLDER / "build_cache.py"
_REPORT = "report.json"
_SAMPLES = "samples"
_MAX_ERROR_CHARS = 500
_TOKEN = "hf_nobodys_token_for_an_offline_hub"
"""Code may ask to be logged in (`use_auth_token=True`), as its author was; it is sent nowhere, and nobody checks it."""


def build(interpreter: Path, database: Sequence[ApiRow], directory: Path, source: str | None = None) -> Hub:
    """The hub for a database, in a folder of ``directory`` named for its content; built unless it is there.

    Args:
        interpreter: the Python of an environment with transformers and its companions.
        database: the API database; every repository that it names is built.
        directory: where hubs are kept; may be shared with other processes.
        source: None to guess each repository's config from its name and class; an address of a hub, or a
            folder of repositories (owner/name below it), to read the real configs, tokenizers and processors
            from and shrink the weights only.

    Raises UserError where the database names no repository, or the environment cannot build.
    """
    repositories = survey(database)
    if not repositories:
        raise UserError("the API database names no Hugging Face repository; choose data=apibench_huggingface")
    target = built_once(
        directory / f"huggingface-{hub_digest(interpreter, repositories, source)}",
        lambda partial: _fill(interpreter, repositories, partial, source),
    )
    return read_hub(target)


def read_hub(directory: Path) -> Hub:
    """A hub that was built before."""
    report = json.loads((directory / _REPORT).read_text(encoding="utf-8"))
    return Hub(
        directory=directory,
        variables=variables(directory),
        num_built=len(report["built"].keys() - set(report["companions"])),
        failures=tuple(Failure(name, reason) for name, reason in report["failures"].items()),
        samples=directory / _SAMPLES,
    )


def variables(directory: Path) -> tuple[tuple[str, str], ...]:
    """What makes the libraries look there, and nowhere else.

    HF_HOME is left alone: below it libraries write (modules, data sets), and the hub is read-only.
    Flair's and pyannote's checkpoints hold more than weights: they are read as torch did by default in 2023.
    """
    cache = str(directory / "hub")
    return (
        ("HF_HUB_CACHE", cache),
        ("HUGGINGFACE_HUB_CACHE", cache),
        ("HF_TOKEN", _TOKEN),
        ("PYANNOTE_CACHE", cache),
        ("FLAIR_CACHE_ROOT", f"{cache}/flair"),
        ("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1"),
        ("HF_HUB_OFFLINE", "1"),
        ("TRANSFORMERS_OFFLINE", "1"),
        ("HF_DATASETS_OFFLINE", "1"),
        ("HF_HUB_DISABLE_TELEMETRY", "1"),
        ("TOKENIZERS_PARALLELISM", "false"),
    )


def hub_digest(interpreter: Path, repositories: Sequence[Repository], source: str | None) -> str:
    """Identifies a hub's content: the repositories, the builder's code and the environment (by its folder's name)."""
    content = json.dumps([[asdict(repository) for repository in repositories], interpreter.parent.parent.name, source])
    code = b"".join(path.read_bytes() for path in sorted(_FOLDER.rglob("*")) if path.suffix in (".py", ".txt"))
    return hashlib.sha256(content.encode() + code).hexdigest()[:12]


def _fill(interpreter: Path, repositories: Sequence[Repository], target: Path, source: str | None) -> None:
    work = target / "work"
    request = {
        "cache": str(target / "hub"),
        "work": str(work),
        "report": str(target / _REPORT),
        "samples": str(target / _SAMPLES),
        "num_processes": NUM_PROCESSES,
        "repositories": [asdict(repository) for repository in repositories],
        "source": source,
    }
    _run(interpreter, request)
    shutil.rmtree(work)  # the repositories are links to what is in it


def _run(interpreter: Path, request: Mapping[str, Any]) -> None:
    arguments = ["--online"] if str(request["source"] or "").startswith("http") else []
    try:
        finished = subprocess.run(
            [str(interpreter), "-I", str(_SCRIPT), *arguments],
            input=json.dumps(request),
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise UserError(f"{interpreter} cannot be run: {error.strerror}") from None
    if finished.returncode != 0:
        lines = finished.stderr.strip().splitlines() or [f"exit code {finished.returncode}"]
        raise UserError(f"the Hugging Face hub could not be built: {lines[-1][:_MAX_ERROR_CHARS]}")


def _environment() -> dict[str, str]:
    """What a builder needs; of a token only the one that the user has set for the hub."""
    kept = ("PATH", "HOME", "TMPDIR", "LANG", "SSL_CERT_FILE", "HTTPS_PROXY", "HF_TOKEN")
    return {name: os.environ[name] for name in kept if name in os.environ}
