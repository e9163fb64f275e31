"""From completions to scores: reward functions with TRL's signature, and when they are called.

A reward function is f(prompts, completions, **columns) -> a reward for each completion. It is
handed, by name and as far as its signature takes them: `prompts` and `completions` (text, or
messages where the prompts are conversations), `completion_ids`, `finish_reason` ("stop", or
"length" for a completion that was cut off at the limit), the data's other columns,
`trainer_state`, `log_extra(column, values)` and `log_metric(name, value)`. A reward is a number,
None where there is none, or a list with a number for each of the completion's tokens, its EOS
included.

When a function is called:

1. A model, or a plain function: once, with all completions, on the caller's thread, when the
   scores are asked for. Nothing needs to be thread-safe.
2. An `async` function: once, with all completions, as soon as the last one has ended.
3. A function marked with `overlaps_decoding`, async or not: several times, with the completions
   that have ended, while others are decoded. A plain one is called from one worker thread. Mark
   a function that looks at each completion on its own and that waits for something else than
   Python: a sandbox, a compiler, a server.
"""

from __future__ import annotations

import functools
import inspect
import math
import weakref
from collections.abc import Callable, Collection, Mapping, Sequence
from numbers import Real
from os import PathLike
from typing import Any, Protocol, TypeVar

from torch import nn

from rlaif.errors import UserError
from rlaif.rl.dataset import Prompt
from rlaif.rl.reward_funcs.background import EventLoopThread, WorkerThread
from rlaif.rl.reward_funcs.reward_model import ModelReward
from rlaif.rl.reward_funcs.reward_round import RESERVED, RewardRound, RewardSource
from rlaif.rl.reward_funcs.scores import MissingRewards


class RewardFunction(Protocol):
    """Scores completions; may also be async. None: there is no reward for that one."""

    def __call__(self, prompts: list[Any], completions: list[Any], **columns: list[Any]) -> Sequence[float | None]: ...


RewardFunc = str | PathLike[str] | nn.Module | Callable[..., Any]
"""A Hub id or path of a reward model, a model, or a reward function."""

Function = TypeVar("Function", bound=Callable[..., Any])


def overlaps_decoding(batch_size: int = 1) -> Callable[[Function], Function]:
    """Decorator: the function may be called while other completions are decoded.

    A call has at least `batch_size` completions, but for the rollout's last. A class does the
    same with an attribute, `overlap_batch_size = 8`.
    """
    if batch_size < 1:
        raise UserError(f"overlaps_decoding: batch_size={batch_size} has to be at least 1")

    def mark(function: Function) -> Function:
        function.overlap_batch_size = batch_size  # type: ignore[attr-defined]
        return function

    return mark


class Rewards:
    """Reward functions with their weights. Close it, or use it in a `with`: it has threads.

    Args:
        reward_funcs: one or several of a reward function, a model, a Hub id or path of one.
        reward_weights: a number each; 1 by default.
        reward_processing_classes: the models' tokenizers, one or a list with one for each
            reward function (None for functions); by default those saved with the models.
        missing_rewards: where some functions return None for a completion, "skip_function"
            sums the others, as TRL does, "skip_sample" leaves the completion out. Where all do,
            it is left out in any case.
        device: where models are moved to; None leaves them where they are.
        chat_template_kwargs: for the models' chat templates.

    Raises:
        UserError: no function, another number of weights or tokenizers, a model that cannot be had.
    """

    def __init__(
        self,
        reward_funcs: RewardFunc | Sequence[RewardFunc],
        *,
        reward_weights: Sequence[float] | None = None,
        reward_processing_classes: Any = None,
        missing_rewards: MissingRewards = "skip_function",
        device: Any = None,
        chat_template_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        functions: list[Any] = list(reward_funcs) if isinstance(reward_funcs, list | tuple) else [reward_funcs]
        several = isinstance(reward_processing_classes, list | tuple)
        tokenizers = list(reward_processing_classes) if several else [reward_processing_classes]
        if reward_processing_classes is None:
            tokenizers = [None] * len(functions)
        weights = [1.0] * len(functions) if reward_weights is None else read_weights(reward_weights)
        require_one_each(functions, weights, tokenizers)

        callables = [
            as_function(function, tokenizer, device, chat_template_kwargs)
            for function, tokenizer in zip(functions, tokenizers, strict=True)
        ]
        self.weights = dict(zip(name_functions(callables), weights, strict=True))
        self._sources = [
            RewardSource(name, function, is_async(function), overlap_batch_size(function))
            for name, function in name_functions(callables).items()
        ]
        self._missing: MissingRewards = missing_rewards
        self._worker, self._loop = WorkerThread("rewards"), EventLoopThread("async-rewards")
        weakref.finalize(self, stop_threads, self._worker, self._loop)

    @property
    def names(self) -> list[str]:
        """What the functions are logged as."""
        return list(self.weights)

    def require_columns(self, columns: Collection[str]) -> None:
        """UserError where a function needs what the data does not have, or a column has a reserved name."""
        for column in columns:
            if column in RESERVED:
                raise UserError(f"train_dataset: rename its column {column!r}: reward functions get other things so")
        for source in self._sources:
            source.require(columns)

    def require_room(self, prompts: Sequence[Prompt]) -> None:
        """UserError where a prompt alone is longer than a reward model reads."""
        for source in self._sources:
            if isinstance(source.function, ModelReward):
                source.function.require_room(prompts)

    def begin(self, prompts: Sequence[Prompt], trainer_state: Any = None) -> RewardRound:
        """The rewards of one rollout, whose completions come one by one.

        Raises:
            UserError: see `require_columns`.
        """
        self.require_columns(prompts[0].columns if prompts else ())
        return RewardRound(self._sources, self.weights, prompts, trainer_state, self._missing, self._worker, self._loop)

    def close(self) -> None:
        """End the threads; a later `begin` starts them again. Does not wait for a function that was cancelled."""
        stop_threads(self._worker, self._loop)

    def __enter__(self) -> Rewards:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def stop_threads(worker: WorkerThread, loop: EventLoopThread) -> None:
    loop.stop()
    worker.stop()


def read_weights(reward_weights: Any) -> list[float]:
    weights = reward_weights.tolist() if hasattr(reward_weights, "tolist") else reward_weights
    if not isinstance(weights, Sequence) or not all(isinstance(weight, Real) for weight in weights):
        raise UserError(f"reward_weights: {reward_weights!r} is not a list of numbers, one for each reward function")
    return [float(weight) for weight in weights]


def require_one_each(functions: Sequence[Any], weights: Sequence[float], tokenizers: Sequence[Any]) -> None:
    if not functions:
        raise UserError("reward_funcs: there are none")
    if len(weights) != len(functions):
        raise UserError(f"{len(functions)} reward functions and {len(weights)} weights: one weight each")
    if not all(map(math.isfinite, weights)):
        raise UserError(f"reward_weights: {weights} are not all numbers")
    if len(tokenizers) != len(functions):
        raise UserError(
            f"{len(functions)} reward functions and {len(tokenizers)} reward_processing_classes: one each, "
            "None for a function"
        )


def as_function(
    function: RewardFunc, processing_class: Any, device: Any, chat_template_kwargs: Mapping[str, Any] | None
) -> Callable[..., Any]:
    """A function as it is; a model as one."""
    if isinstance(function, str | PathLike | nn.Module):
        model = function if isinstance(function, nn.Module) else str(function)
        reward = ModelReward(model, processing_class, chat_template_kwargs=chat_template_kwargs)
        if device is not None:
            reward.model.to(device)
        reward.try_out()
        return reward
    if not callable(function):
        raise UserError(f"reward_funcs: {function!r} is neither a function, nor a model, nor the name of one")
    require_returning(function)
    return function


def require_returning(function: Callable[..., Any]) -> None:
    """UserError for what is called as a reward function is and never returns rewards: a class, a generator."""
    inner = unwrapped(function)
    name = getattr(inner, "__name__", type(inner).__name__)
    if inspect.isclass(inner):
        raise UserError(f"reward_funcs: {name} is a class: give an instance of it, {name}(...)")
    for code in (inner, type(inner).__call__):
        if inspect.isgeneratorfunction(code) or inspect.isasyncgenfunction(code):
            raise UserError(f"reward_funcs: {name} yields, and should return a list with a reward a completion")


def name_functions(reward_funcs: Sequence[Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """Functions by the name under which they are logged; a repeated name gets its number."""
    named: dict[str, Callable[..., Any]] = {}
    for number, function in enumerate(reward_funcs):
        inner = unwrapped(function)
        name = getattr(inner, "__name__", type(inner).__name__)
        named[name if name not in named else f"{name}_{number}"] = function
    return named


def unwrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    """What a `functools.partial` calls."""
    while isinstance(function, functools.partial):
        function = function.func
    return function


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling it makes a coroutine; a class may have the async on its `__call__`."""
    inner = unwrapped(function)
    return inspect.iscoroutinefunction(inner) or inspect.iscoroutinefunction(type(inner).__call__)


def overlap_batch_size(function: Callable[..., Any]) -> int | None:
    """What `overlaps_decoding` set; None where it did not."""
    size: int | None = getattr(function, "overlap_batch_size", getattr(unwrapped(function), "overlap_batch_size", None))
    return size
