"""What snippets find around them: an environment's packages, its hub, and at level online the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rlaif.config import Environment, ExecutionConfig, Level
from rlaif.errors import UserError
from rlaif.execution.environments import Installation, build_environment, environments_directory, find_environment
from rlaif.execution.environments.spec import SPECS
from rlaif.execution.hubs import torch_hub
from rlaif.execution.hubs.hub import Hub
from rlaif.execution.isolation import Contents
from rlaif.execution.missing_ids import HubIds, read_hub_ids
from rlaif.execution.sandbox_files import sandbox_files, sandbox_pages
from rlaif.records import ApiRow

# The caches that the libraries fill by themselves at level online, under one directory of their own.
_CACHES = (
    ("HF_HOME", "huggingface"),
    ("TORCH_HOME", "torch"),
    ("TFHUB_CACHE_DIR", "tensorflow_hub"),
    ("XDG_CACHE_HOME", "other"),
)

Build = Callable[[Path, Sequence[ApiRow], Path], Hub]


@dataclass(frozen=True)
class Surroundings:
    """All that a verdict depends on besides the snippet and the limits."""

    contents: Contents
    identity: str
    """Changes with every one of them; a part of the verdict cache's key."""
    hub_index: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Torch Hub's repositories (owner/name, lower case) and their revisions; empty elsewhere."""
    hub: Hub | None = None
    """The offline hub; None for stdlib, and at level online."""
    hub_ids: HubIds | None = None
    """Of a hub that says what it has; Torch Hub's index is `hub_index`."""
    has_sample_files: bool = False
    """Whether snippets find the files that they name, and offline the pages (`sandbox_files`)."""

    def files_for(self, code: str) -> dict[str, bytes]:
        """What a snippet finds in its working directory, by path."""
        samples = None if self.hub is None else self.hub.samples
        return sandbox_files(code, samples) if self.has_sample_files else {}

    def pages_for(self, code: str) -> dict[str, tuple[str, bytes]]:
        """What a snippet gets that fetches an address: (media type, content). With a network it has the real pages."""
        return sandbox_pages(code) if self.has_sample_files and not self.contents.network else {}


def prepare(config: ExecutionConfig, database: Sequence[ApiRow], assets_dir: Path) -> Surroundings:
    """Find the environment and build its hub, unless that is there; the environment too where it builds itself.

    UserError where the environment cannot be had, or the database has nothing for it.
    """
    repositories = _repositories(config, database)
    installation = installation_of(config.environment)
    online = config.level is Level.online
    hub = None if online else _hub(config.environment, installation, database, repositories, assets_dir)
    cache = (assets_dir / f"online-{config.environment.value}").resolve() if online else None
    contents = Contents(
        interpreter=installation.interpreter,
        preload=installation.spec.preload,
        import_paths=(*installation.site_packages, *installation.spec.warm_up_paths),
        readable=() if hub is None else (hub.directory,),
        writable=() if cache is None else (cache,),
        variables=(() if hub is None else hub.variables) + (() if cache is None else _cache_variables(cache)),
        network=online,
    )
    return Surroundings(
        contents=contents,
        identity=f"{installation.identity} {config.level.value} {'' if hub is None else hub.directory.name}",
        hub_index=torch_hub.hub_index(repositories),
        hub=hub,
        hub_ids=read_hub_ids(hub) if hub is not None and not repositories else None,
        has_sample_files=config.environment is not Environment.stdlib,
    )


def build_hub(name: str, database: Sequence[ApiRow], directory: Path) -> Hub:
    """The offline hub of an environment (by its name), from an API database, in a folder of ``directory``."""
    environment = Environment(name)
    config = ExecutionConfig(name=name, environment=environment)
    installation = installation_of(environment)
    hub = _hub(environment, installation, database, _repositories(config, database), directory)
    assert hub is not None
    return hub


def installation_of(environment: Environment) -> Installation:
    """Built first where the environment builds itself. UserError, with the command, where it is not built."""
    directory = environments_directory()
    if SPECS[environment.value].builds_itself:
        return build_environment(environment.value, directory)
    return find_environment(environment.value, directory)


def _hub(
    environment: Environment,
    installation: Installation,
    database: Sequence[ApiRow],
    repositories: Sequence[torch_hub.Repository],
    directory: Path,
) -> Hub | None:
    if environment is Environment.torchhub:
        return torch_hub.build_torch_hub(repositories, directory)
    if environment is Environment.stdlib:
        return None
    return _builder(environment)(installation.interpreter, database, directory)


def _builder(environment: Environment) -> Build:
    if environment is Environment.hf2023:
        from rlaif.execution.hubs.huggingface import build as build_huggingface

        return build_huggingface
    from rlaif.execution.hubs.tensorflow import build as build_tensorflow

    return build_tensorflow


def _repositories(config: ExecutionConfig, database: Sequence[ApiRow]) -> list[torch_hub.Repository]:
    if config.environment is not Environment.torchhub:
        return []
    repositories = torch_hub.survey(database)
    if not repositories:
        raise UserError(
            "execution.environment=torchhub needs an API database with torch.hub.load calls, and this data set's has"
            " none; choose data=apibench_torchhub, or another execution environment (stdlib, none)"
        )
    return repositories


def _cache_variables(cache: Path) -> tuple[tuple[str, str], ...]:
    """Makes the directories too; snippets can write there and nowhere else, for other snippets to find."""
    for _, name in _CACHES:
        (cache / name).mkdir(parents=True, exist_ok=True)
    return tuple((variable, str(cache / name)) for variable, name in _CACHES)
