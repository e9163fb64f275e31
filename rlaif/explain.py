"""Why a config was refused, in one line that names the key and the way out."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Sequence
from enum import Enum
from typing import Any, get_args, get_origin, get_type_hints

from omegaconf import DictConfig

from rlaif.config import TrainConfig


def line_of(error: BaseException) -> str:
    """The key and the reason out of Hydra's and OmegaConf's chain of errors."""
    cause: BaseException | None = error
    while cause is not None and not getattr(cause, "full_key", None):
        cause = cause.__cause__ or cause.__context__
    if cause is None:
        return one_line(error)
    key = str(cause.full_key)  # type: ignore[attr-defined]
    kind = schema_at(key.rpartition(".")[0])
    name = key.rpartition(".")[2].split("[")[0]
    if kind is not None and name not in (allowed := [item.name for item in dataclasses.fields(kind)]):
        return f"{key}: no such key{did_you_mean(name, allowed)}; one of {', '.join(allowed)}"
    parent = getattr(cause, "parent_node", None)
    if kind is None and isinstance(parent, DictConfig) and name not in parent:
        allowed = [*map(str, parent)]
        return f"{key}: no such key{did_you_mean(name, allowed)}; one of {', '.join(allowed)}"
    message = str(cause).splitlines()[0]
    return f"{key}: {message}{_allowed_values(kind, name)}"


def one_line(error: BaseException) -> str:
    """An error's whole text without its line ends; its type where it has no text."""
    return " ".join(str(error).split()) or type(error).__name__


def no_such_option(group: str, name: str, options: Sequence[str]) -> str:
    """A group has no such option: the nearest one, and all of them."""
    return f"{group}={name}: no such option{did_you_mean(name, options)}; one of {', '.join(options)}"


def schema_at(key: str) -> type | None:
    """The dataclass at a dotted key of the config, if there is one."""
    hint = hint_at(key)
    return hint if isinstance(hint, type) and dataclasses.is_dataclass(hint) else None


def hint_at(key: str) -> Any:
    """The type at a dotted key of the config, as the schema has it; of a list's or dict's entry, the entry's."""
    hint: Any = TrainConfig
    for part in filter(None, key.split(".")):
        name, _, index = part.partition("[")
        hint = hint_in(hint, name)
        if index:
            hint = hint_in(hint, index)
    return hint


def hint_in(hint: Any, name: str) -> Any:
    """The type of what lies under a name or index in something of a type; None where nothing is known of it."""
    if dataclasses.is_dataclass(hint):
        return get_type_hints(hint).get(name)
    for kind in (hint, *get_args(hint)):
        if get_origin(kind) in (list, dict):
            return get_args(kind)[-1]
    return None


def _allowed_values(kind: type | None, name: str) -> str:
    hint = get_type_hints(kind).get(name) if kind is not None else None
    if isinstance(hint, type) and issubclass(hint, Enum):
        return f"; one of {', '.join(hint.__members__)}"
    return f"; a value of type {getattr(hint, '__name__', hint)} is expected" if hint is not None else ""


def did_you_mean(name: str, options: Sequence[str]) -> str:
    """The nearest option as a question, if one is near."""
    close = difflib.get_close_matches(name, options, n=1)
    return f"; did you mean {close[0]}?" if close else ""
