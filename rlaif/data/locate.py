"""Where the data files lie: a directory of the user's, or a download from the Hub."""

from __future__ import annotations

import os
from pathlib import Path

from rlaif.config import DataConfig
from rlaif.errors import UserError

HUBS = ("huggingface", "tensorflow", "torchhub")
DIRECTORY_VARIABLE = "RLAIF_APIBENCH_DIR"


class MissingFile(UserError):
    """A data file that is in none of the places looked at."""


def hub_name(config: DataConfig) -> str:
    """APIBench's hub; UserError where it is none of the three."""
    if config.hub not in HUBS:
        raise UserError(f"data.hub: {config.hub!r} is no hub of APIBench; one of {', '.join(HUBS)}")
    return config.hub


def apibench_file(config: DataConfig, name: str) -> Path:
    """One of APIBench's files: in `data.dir`, else in $RLAIF_APIBENCH_DIR, else from the Hub.

    In a directory, both the original's layout (apibench/*.json, api/*.jsonl) and a flat one
    are looked at. Raises MissingFile with what to do.
    """
    directory = data_directory(config)
    if directory is None:
        return _download(config, name)
    folder = "api" if name.endswith("_api.jsonl") else "apibench"
    for path in (directory / folder / name, directory / name):
        if path.is_file():
            return path
    raise MissingFile(f"{directory / folder / name}: no such file, and no {name} in {directory} itself (data.dir)")


def data_directory(config: DataConfig) -> Path | None:
    """The configured directory, if any; UserError where it is configured and not there."""
    configured = config.dir or os.environ.get(DIRECTORY_VARIABLE)
    if not configured:
        return None
    directory = Path(configured).expanduser()
    if not directory.is_dir():
        source = "data.dir" if config.dir else DIRECTORY_VARIABLE
        raise UserError(f"{directory}: no such directory ({source})")
    return directory


def user_file(config: DataConfig, name: str, key: str) -> Path:
    """A file that a config key names, relative to `data.dir` or to the working directory."""
    path = Path(name).expanduser()
    directory = data_directory(config)
    candidates = [path] if path.is_absolute() or directory is None else [directory / path, path]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise MissingFile(f"{key}: no file {' nor '.join(map(str, candidates))}")


def responses_path(config: DataConfig, responses_file: str | None = None) -> Path | None:
    """The file of recorded answers: `responses_file`, else the data's own; None where none is named.

    Besides `data.dir`, the place is looked at where a clone of Gorilla keeps its answers
    (data.dir=gorilla/data, answers under gorilla/eval).
    """
    name = responses_file or config.responses_file
    if not name:
        return None
    directory = data_directory(config)
    if directory is not None and config.hub:
        hub = "tensorflowhub" if config.hub == "tensorflow" else config.hub
        cloned = directory.parent / "eval" / "eval-data" / "responses" / hub / Path(name).name
        if not (directory / name).is_file() and cloned.is_file():
            return cloned
    return user_file(config, name, "policy.responses_file" if responses_file else "data.responses_file")


def _download(config: DataConfig, name: str) -> Path:
    advice = (
        f"set data.dir or {DIRECTORY_VARIABLE} to a directory that has it, for example the data folder of a clone"
        f" of github.com/ShishirPatil/gorilla, or connect to the Hub"
    )
    if not config.hub_id:
        raise MissingFile(f"{name} is not here, and data.hub_id names no data set on the Hub: {advice}")
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url, try_to_load_from_cache

    cached = try_to_load_from_cache(config.hub_id, name, repo_type="dataset")
    if isinstance(cached, str):
        return Path(cached)
    try:
        # Fails at once where there is no network; the download itself would try again for half a minute.
        get_hf_file_metadata(hf_hub_url(config.hub_id, name, repo_type="dataset"))
        return Path(hf_hub_download(config.hub_id, name, repo_type="dataset"))
    except Exception as error:  # what a client of the network raises has no common base
        why = type(error).__name__
        raise MissingFile(f"{name} could not be had from {config.hub_id} on the Hub ({why}): {advice}") from None
