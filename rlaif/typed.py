"""A composed config as a typed one, checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import get_type_hints

from omegaconf import DictConfig, MissingMandatoryValue, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from rlaif.check import check
from rlaif.config import TrainConfig
from rlaif.errors import UserError
from rlaif.explain import did_you_mean, line_of


def to_config(composed: DictConfig) -> TrainConfig:
    """The typed config of a composed one, checked.

    Raises:
        UserError: a value is missing or makes no sense; one line.
    """
    try:
        for complaint in _added_keys(composed, TrainConfig):
            raise UserError(complaint)
        config = OmegaConf.to_object(composed)
    except MissingMandatoryValue as error:
        raise UserError(f"{error.full_key}: no value; set it in the option's YAML or on the command line") from None
    except OmegaConfBaseException as error:
        raise UserError(line_of(error)) from None
    if not isinstance(config, TrainConfig):
        raise UserError("the primary config has no schema; its defaults list begins with base_train, or with train")
    check(config)
    return config


def _added_keys(node: DictConfig, kind: type, prefix: str = "") -> Iterator[str]:
    """What `+key=value` slipped past the schema, one line each; nobody would read it."""
    hints = get_type_hints(kind)
    for name in map(str, node):
        if name not in hints:
            yield f"{prefix}{name}: no such key{did_you_mean(name, [*hints])}; one of {', '.join(hints)}"
            continue
        child = None if OmegaConf.is_missing(node, name) else node[name]
        if isinstance(child, DictConfig) and dataclasses.is_dataclass(hints[name]):
            yield from _added_keys(child, hints[name], f"{prefix}{name}.")
