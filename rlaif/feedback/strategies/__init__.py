"""The ways to ask for feedback, one file each; `questions.strategy` names the file.

A strategy's file has a dataclass `Options` (the keys of `questions.options`) and a function
`build(questions, options, min_valid)` that gives a `Strategy`.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any, get_type_hints

from rlaif.config import QuestionsConfig
from rlaif.errors import UserError
from rlaif.feedback.questions import load_questions
from rlaif.feedback.strategies.strategy import Judgement, Strategy
from rlaif.fields import complaints

__all__ = ["Judgement", "Strategy", "build_strategy", "strategy_names"]


def strategy_names() -> list[str]:
    """The strategies that are here."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name != "strategy")


def build_strategy(config: QuestionsConfig, min_valid: int) -> Strategy:
    """The strategy that a question set names, over its prompts. A set's own `min_valid` takes the other's place.

    Raises:
        UserError: no such strategy, an option that it does not have, a prompt that it lacks.
    """
    if config.strategy not in strategy_names():
        raise UserError(f"questions.strategy: no {config.strategy!r}; one of {', '.join(strategy_names())}")
    module = importlib.import_module(f"{__name__}.{config.strategy}")
    options = _options(module.Options, config.options)
    strategy: Strategy = module.build(load_questions(config), options, config.min_valid or min_valid)
    return strategy


def _options(kind: Any, given: Mapping[str, Any]) -> Any:
    """`questions.options` as the strategy's own dataclass, types checked."""
    hints = get_type_hints(kind)
    for name, value in given.items():
        if name not in hints:
            raise UserError(f"questions.options.{name}: no such option here; one of {', '.join(hints)}")
        wanted = (int, float) if hints[name] is float else hints[name]
        if not isinstance(value, wanted) or (isinstance(value, bool) and hints[name] is not bool):
            raise UserError(f"questions.options.{name}: {value!r} is no {hints[name].__name__}")
    try:
        options = kind(**given)
    except ValueError as error:
        raise UserError(f"questions.options: {error}") from None
    for complaint in complaints(options, "questions.options."):
        raise UserError(complaint)
    return options


def defaults_of(kind: Any) -> dict[str, Any]:
    """An `Options` class's keys with their defaults."""
    return {one.name: one.default for one in dataclasses.fields(kind)}
