"""transformers' callbacks, called at PPO's own moments: begin, log, save, step end, end.

A step is a rollout and its update. `control.should_training_stop` and `control.should_save` are obeyed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from rlaif.errors import UserError
from rlaif.rl.config import PPOConfig

if TYPE_CHECKING:
    from transformers import TrainerCallback, TrainerControl


class Callbacks:
    """The callbacks of a run, and the state and control that they share."""

    def __init__(
        self, callbacks: Sequence[TrainerCallback], config: PPOConfig, *, is_main: bool, **handed: Any
    ) -> None:
        """``handed`` goes to every call by name: model, processing_class, optimizer, lr_scheduler.

        Raises:
            UserError: what is no callback, or one that PPO has nothing for.
        """
        several = callbacks if isinstance(callbacks, Iterable) else [callbacks]
        given = [one() if isinstance(one, type) else one for one in several]
        for callback in given:
            require_useful(callback)
        self.trackers = trackers(config)
        self.callbacks = [*given, *self.trackers]
        self.config, self.arguments = config, Arguments(config)
        self.handed = handed
        self.control, self.state = control_and_state(
            is_needed=bool(self.callbacks),
            is_world_process_zero=is_main,
            is_local_process_zero=is_main,
            max_steps=config.num_rollouts,
            logging_steps=config.logging_steps,
            save_steps=config.save_steps,
            train_batch_size=config.rollout_batch_size,
        )

    def call(self, event: str, **further: Any) -> TrainerControl:
        """``event`` is the name of a method of TrainerCallback. UserError where one asks for what PPO does not have."""
        for callback in self.callbacks:
            try:
                answer = getattr(callback, event)(self.arguments, self.state, self.control, **self.handed, **further)
            except NoSuchSetting as error:
                name = type(callback).__name__
                raise UserError(f"callbacks: {name} asks for args.{error}, which PPO has not") from error
            except Exception as error:
                if callback not in self.trackers:
                    raise
                said = (str(error).strip().splitlines() or [type(error).__name__])[0]
                raise UserError(f"report_to={self.config.report_to!r}: {type(callback).__name__}: {said}") from error
            self.control = self.control if answer is None else answer
        return self.control

    def log(self, step: int, metrics: dict[str, float]) -> None:
        self.state.global_step = step
        self.state.log_history.append({**metrics, "step": step})
        self.call("on_log", logs=dict(metrics))

    def end_step(self, step: int) -> bool:
        """Whether a callback asks for a checkpoint now; what it asked for before is forgotten."""
        self.state.global_step = step
        self.control.should_save = False
        return self.call("on_step_end").should_save

    @property
    def should_stop(self) -> bool:
        return self.control.should_training_stop


def control_and_state(*, is_needed: bool, **fields: Any) -> tuple[Any, Any]:
    """transformers' TrainerControl and TrainerState. Where no callback asks for them, plain objects with the fields
    that PPO keeps: importing transformers' own imports PEFT and more, for half a second."""
    if is_needed:
        from transformers import TrainerControl, TrainerState

        return TrainerControl(), TrainerState(**fields)
    control = SimpleNamespace(should_training_stop=False, should_save=False)
    return control, SimpleNamespace(global_step=0, log_history=[], **fields)


class NoSuchSetting(AttributeError):
    """Its text is the setting's name."""


class Arguments:
    """A PPOConfig as callbacks see it: what it has no setting for is TrainingArguments' default."""

    def __init__(self, config: PPOConfig) -> None:
        self.config = config

    def __getattr__(self, name: str) -> Any:
        """Only of what the class itself does not have."""
        if name.startswith("__"):
            raise AttributeError(name)
        if hasattr(self.config, name):
            return getattr(self.config, name)
        from transformers import TrainingArguments

        for field in dataclasses.fields(TrainingArguments):
            if field.name == name and field.default_factory is not dataclasses.MISSING:
                return field.default_factory()
            if field.name == name and field.default is not dataclasses.MISSING:
                return field.default
        raise NoSuchSetting(name)


def require_useful(callback: Any) -> None:
    """UserError for what is no callback, or waits for what never comes."""
    from transformers import EarlyStoppingCallback, TrainerCallback

    name = type(callback).__name__
    if not isinstance(callback, TrainerCallback):
        raise UserError(f"callbacks: {name} is no transformers.TrainerCallback")
    if isinstance(callback, EarlyStoppingCallback):
        raise UserError(
            f"callbacks: {name} waits for evaluations, and PPO has none; stop from on_log of a callback of your own "
            "(control.should_training_stop = True), which has every metric"
        )


def trackers(config: PPOConfig) -> list[TrainerCallback]:
    """transformers' own, by the names in report_to; "all" are those that are installed.

    Raises:
        UserError: a name that transformers does not know, or a tracker that is not installed.
    """
    names = [config.report_to] if isinstance(config.report_to, str) else list(config.report_to or ())
    wanted = [name for name in names if name != "none"]
    if not wanted:
        return []
    from transformers.integrations import get_available_reporting_integrations, get_reporting_integration_callbacks

    if "all" in wanted:
        wanted = get_available_reporting_integrations()
    try:
        return [kind() for kind in get_reporting_integration_callbacks(wanted)]
    except (ValueError, RuntimeError, ImportError) as error:
        raise UserError(f"report_to={config.report_to!r}: {str(error).strip().splitlines()[0]}") from None
