"""From conf/ and a command line to a checked `TrainConfig`; every error is one line that names the key.

The only file besides `train.py` that knows Hydra. A sweep's choices are all composed and
checked before its first job starts, so a mistake in the last one costs nothing.
"""

from __future__ import annotations

import argparse
import dataclasses
import difflib
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, MissingMandatoryValue, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from rlaif.check import check
from rlaif.config import TrainConfig
from rlaif.errors import UserError

GROUPS = (
    "data", "policy", "feedback", "questions", "reward", "trainer", "execution", "tracking", "experiment",
)  # fmt: skip


def config_dir() -> Path:
    """conf/ of the checkout, or the copy that an installed wheel carries."""
    package = Path(__file__).resolve().parent
    checkout = package.parent / "conf"
    return checkout if (checkout / "train.yaml").exists() else package / "conf"


def register_schema() -> None:
    """Put the typed schema where conf/train.yaml's defaults list finds it, and what `${prompt:...}` stands for."""
    ConfigStore.instance().store(name="base_train", node=TrainConfig)
    OmegaConf.register_new_resolver("prompt", prompt_text, replace=True)


def prompt_text(name: str) -> str:
    """The text of a file below conf/questions/, or of one with an absolute path. So a config, and with it a
    stage's address, holds the words themselves."""
    path = config_dir() / "questions" / name
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"questions: the prompt {path} cannot be read: {error}") from None


def to_config(composed: DictConfig) -> TrainConfig:
    """The typed config of a composed one, checked.

    Raises:
        UserError: a value is missing or makes no sense; one line.
    """
    try:
        _refuse_added_keys(composed, TrainConfig)
        config = OmegaConf.to_object(composed)
    except MissingMandatoryValue as error:
        raise UserError(f"{error.full_key}: no value; set it in the option's YAML or on the command line") from None
    except OmegaConfBaseException as error:
        raise UserError(_line_of(error)) from None
    assert isinstance(config, TrainConfig)
    check(config)
    return config


def _refuse_added_keys(node: DictConfig, kind: type, prefix: str = "") -> None:
    """`+key=value` slips past the schema; what it adds would be read by nobody."""
    hints = get_type_hints(kind)
    for name in map(str, node):
        if name not in hints:
            raise UserError(f"{prefix}{name}: no such key{_did_you_mean(name, [*hints])}; one of {', '.join(hints)}")
        child = None if OmegaConf.is_missing(node, name) else node[name]
        if isinstance(child, DictConfig) and dataclasses.is_dataclass(hints[name]):
            _refuse_added_keys(child, hints[name], f"{prefix}{name}.")


def check_command_line(overrides: Sequence[str], config_path: Path | None = None) -> list[TrainConfig]:
    """Compose every choice that a command line asks for: its configs, checked.

    Raises:
        UserError: the first mistake, as one line.
    """
    register_schema()
    try:
        parsed = OverridesParser.create().parse_overrides(list(overrides))
    except HydraException as error:
        raise UserError(f"command line: {str(error).splitlines()[0]}") from None
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(config_path or config_dir()), version_base="1.3"):
        return [_compose_one(choice) for choice in _choices(parsed)]


def _choices(overrides: Sequence[Override]) -> Iterator[list[str]]:
    """The command line with the first value of every sweep, then with each other value alone."""
    values = [_values(override) for override in overrides]
    first = [options[0] for options in values]
    yield first
    for position, options in enumerate(values):
        for option in options[1:]:
            yield [*first[:position], option, *first[position + 1 :]]


def _values(override: Override) -> list[str]:
    if not override.is_sweep_override() or override.is_delete():
        return [override.input_line or ""]
    key = override.get_key_element()
    return [f"{key}={value}" for value in override.sweep_string_iterator()]


def _compose_one(overrides: list[str]) -> TrainConfig:
    ours = [line for line in overrides if not line.lstrip("+~").startswith("hydra")]
    try:
        composed = compose("train", overrides=ours)
    except MissingConfigException as error:
        raise UserError(_missing_option(error, ours)) from None
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(_line_of(error)) from None
    return to_config(composed)


def _missing_option(error: MissingConfigException, overrides: list[str]) -> str:
    for line in overrides:
        key, _, value = line.lstrip("+~").partition("=")
        group = key.split("@")[0].strip("/")
        if group in GROUPS and not (config_dir() / group / f"{value}.yaml").exists():
            options = sorted(path.stem for path in (config_dir() / group).glob("*.yaml"))
            return f"{group}={value}: no such option{_did_you_mean(value, options)}; one of {', '.join(options)}"
    return str(error).splitlines()[0]


def _line_of(error: BaseException) -> str:
    """The key and the reason out of Hydra's and OmegaConf's chain of errors."""
    cause: BaseException | None = error
    while cause is not None and not getattr(cause, "full_key", None):
        cause = cause.__cause__ or cause.__context__
    if cause is None:
        return " ".join(line.strip() for line in str(error).splitlines() if line.strip())
    key = str(cause.full_key)  # type: ignore[attr-defined]
    kind = schema_at(key.rpartition(".")[0])
    name = key.rpartition(".")[2].split("[")[0]
    if kind is not None and name not in (allowed := [item.name for item in dataclasses.fields(kind)]):
        return f"{key}: no such key{_did_you_mean(name, allowed)}; one of {', '.join(allowed)}"
    parent = getattr(cause, "parent_node", None)
    if kind is None and isinstance(parent, DictConfig) and name not in parent:
        allowed = [*map(str, parent)]
        return f"{key}: no such key{_did_you_mean(name, allowed)}; one of {', '.join(allowed)}"
    message = str(cause).splitlines()[0]
    return f"{key}: {message}{_allowed_values(kind, name)}"


def schema_at(key: str) -> type | None:
    """The dataclass at a dotted key of the config, if there is one."""
    kind: Any = TrainConfig
    for part in filter(None, key.split(".")):
        hints = get_type_hints(kind) if dataclasses.is_dataclass(kind) else {}
        kind = hints.get(part.split("[")[0])
        if get_origin(kind) is list:
            kind = get_args(kind)[0]
    return kind if isinstance(kind, type) and dataclasses.is_dataclass(kind) else None


def _allowed_values(kind: type | None, name: str) -> str:
    hint = get_type_hints(kind).get(name) if kind is not None else None
    if isinstance(hint, type) and issubclass(hint, Enum):
        return f"; one of {', '.join(hint.__members__)}"
    return f"; a value of type {getattr(hint, '__name__', hint)} is expected" if hint is not None else ""


def _did_you_mean(name: str, options: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, options, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def hydra_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Split a command line as Hydra does."""
    from hydra._internal.utils import get_args_parser

    parsed: argparse.Namespace = get_args_parser().parse_args(list(arguments))
    return parsed
