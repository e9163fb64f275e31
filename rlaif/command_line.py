"""A command line, read and checked before Hydra reads it, and spelled so that Hydra takes it as it was meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rlaif import compose
from rlaif.config import TrainConfig
from rlaif.errors import UserError


@dataclass(frozen=True)
class CommandLine:
    """What a user asked for."""

    arguments: list[str]
    """For Hydra, in place of those that were typed."""
    configs: list[TrainConfig] = field(default_factory=list)
    """Of every choice that the check looked at; none where nothing is to be run."""
    is_sweep: bool = False
    wants_figure: bool = False
    """Whether the sweeper chooses the next jobs by what the last ones returned."""
    warnings: list[str] = field(default_factory=list)
    """What was given and has no effect, one line each."""


def read_command_line(arguments: Sequence[str]) -> CommandLine:
    """Split, spell and check a command line.

    Raises:
        UserError: the first mistake, as one line.
    """
    given = compose.hydra_arguments(arguments)
    if given.help or given.hydra_help or given.info or given.shell_completion or given.experimental_rerun:
        compose.register_schema()
        return CommandLine([*arguments])
    config_path = _config_path(given.config_path)
    composer = compose.Composer(config_path, _directory(given.config_dir), given.config_name or "train", given.multirun)
    overrides = composer.spelled(given.overrides)
    flags = _flags(arguments, given.overrides)
    if config_path is not None:
        flags = [flag if not flag.endswith(given.config_path) else flag.removesuffix(given.config_path) + config_path
                 for flag in flags]  # fmt: skip
    hydras = [*overrides, *flags]  # in this order: an option that may have a value does not take an override for it
    if given.cfg:
        list(composer.jobs(overrides))  # composes; what makes no sense may be looked at
        return CommandLine(hydras)
    configs = composer.check(overrides)
    return CommandLine(hydras, configs, composer.is_sweep, composer.wants_figure, composer.warnings)


def _directory(given: str | None) -> Path | None:
    if given is not None and not Path(given).is_dir():
        raise UserError(f"--config-dir={given}: no such directory")
    return Path(given) if given is not None else None


def _config_path(given: str | None) -> str | None:
    """Hydra looks for a relative one beside the program; users mean the directory in which they are."""
    if given is None or given.startswith("pkg://"):
        return given
    if not Path(given).is_dir():
        raise UserError(f"--config-path={given}: no such directory")
    return str(Path(given).absolute())


def _flags(arguments: Sequence[str], overrides: Sequence[str]) -> list[str]:
    """What is no override, in its order."""
    left, flags = [*overrides], []
    for argument in arguments:
        if left and argument == left[0]:
            del left[0]
        elif argument != "--":
            flags.append(argument)
    return flags
