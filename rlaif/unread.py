"""Keys that were given and that nobody reads: `data.train_file=FILE` beside data=mini.

A field says when it is read: `setting(None, read_when="data.source=jsonl")`, also for all that lies
below it. The condition is `KEY=A|B`, `KEY!=A`, or `KEY` alone (not null, false, 0 or empty); ` or ` joins several.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from enum import Enum
from typing import Any, get_type_hints

from rlaif.config import TrainConfig
from rlaif.errors import UserError

EXAMPLES = {
    "data.source=jsonl": "data=jsonl",
    "data.source=apibench": "data=apibench_torchhub",
    "data.source=apibench|jsonl": "data=apibench_torchhub or data=jsonl",
    "feedback.judge=openai": "feedback=openai",
    "feedback.judge=local": "feedback=local",
    "feedback.judge=replay": "feedback=replay",
    "policy.kind=pretrained": "policy=gpt2",
    "policy.kind=scratch": "policy=tiny",
}
"""What to type for a condition that an option of a group meets."""


@dataclass(frozen=True)
class Unread:
    """A key that has no effect on any job."""

    key: str
    condition: str
    """When it would have one."""
    now: str
    """What the config has instead."""
    refused: bool
    """Whether what was given names something to be used (a file, a model, an endpoint), so that going on without it
    is not what was wanted; else it is only told."""

    def __str__(self) -> str:
        examples = [EXAMPLES[one] for one in self.condition.split(" or ") if one in EXAMPLES]
        way_out = f"; choose {examples[0]}, or leave it out" if examples else ""
        return f"{self.key}: only read with {self.condition}, and here it is {self.now}{way_out}"


def refuse_unread(keys: Sequence[str], configs: Sequence[TrainConfig]) -> list[str]:
    """A warning for each key of a command line that has no effect.

    Raises:
        UserError: one that names something to be used.
    """
    found = [*unread(keys, configs)]
    for one in found:
        if one.refused:
            raise UserError(str(one))
    return [str(one) for one in found]


def refuse_contradiction(
    name: str, content: Any, configs: Sequence[TrainConfig], compose_alone: Callable[[], Any]
) -> None:
    """A command may vary what an experiment's file says; a file that names what it does not read itself is wrong.

    Args:
        name: The experiment.
        content: What its file holds.
        compose_alone: Gives its config where the command adds nothing.

    Raises:
        UserError: the first key that nobody reads, here and there.
    """
    for one in unread(_keys_in(content), configs):
        if one.refused and not holds(one.condition, compose_alone()):
            raise UserError(f"{one} (experiment/{name})")


def unread(keys: Sequence[str], configs: Sequence[TrainConfig]) -> Iterator[Unread]:
    """Of some dotted keys those that none of the jobs reads."""
    for key in keys:
        declared = [*_declarations(key)]
        names_something = any(one.get("names_something") for one in declared)
        refused = names_something and any(_is_given(config, key) for config in configs)
        for condition in [one["read_when"] for one in declared if "read_when" in one]:
            if not any(holds(condition, config) for config in configs):
                names = dict.fromkeys(_parts(one)[0] for one in condition.split(" or "))
                now = ", ".join(f"{name}={_text(_value(configs[0], name))}" for name in names)
                yield Unread(key, condition, now, refused)
                break


def _keys_in(node: Any, prefix: str = "") -> list[str]:
    """The dotted keys of a config file's content, without its defaults list and what it says to Hydra."""
    found = []
    for name, value in node.items():
        key = f"{prefix}{name}"
        if key not in ("defaults", "hydra"):
            found += _keys_in(value, f"{key}.") if isinstance(value, Mapping) and value else [key]
    return found


def holds(condition: str, config: Any) -> bool:
    """Whether a config meets a condition."""
    return any(_holds(one, config) for one in condition.split(" or "))


def _holds(condition: str, config: Any) -> bool:
    name, negated, values = _parts(condition)
    value = _value(config, name)
    return bool(value) if not values else (_text(value) in values) is not negated


def _parts(condition: str) -> tuple[str, bool, list[str]]:
    """The key, whether the values are those that it must not have, and the values."""
    name, _, values = condition.partition("=")
    return name.removesuffix("!"), name.endswith("!"), values.split("|") if values else []


def _declarations(key: str) -> Iterator[Mapping[str, Any]]:
    """What the fields on the way to a key say of themselves."""
    kind: Any = TrainConfig
    for part in key.split("."):
        found = [field for field in dataclasses.fields(kind) if field.name == part] if is_dataclass(kind) else []
        if not found:
            return
        yield found[0].metadata
        kind = get_type_hints(kind)[part]


def _value(config: Any, name: str) -> Any:
    for part in name.split("."):
        config = getattr(config, part)
    return config


def _is_given(config: Any, key: str) -> bool:
    """Whether something stands at a key; null and an empty text name nothing."""
    for part in key.split("."):
        config = config.get(part) if isinstance(config, Mapping) else getattr(config, part, None)
    return bool(config)


def _text(value: Any) -> str:
    return value.name if isinstance(value, Enum) else "null" if value is None else str(value)
