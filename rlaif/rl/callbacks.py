"""transformers' callbacks, called at PPO's own moments: begin, log, save, step end, end.

A step is a rollout and its update. `control.should_training_stop` and `control.should_save` are obeyed.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from rlaif.rl.config import PPOConfig

if TYPE_CHECKING:
    from transformers import TrainerCallback, TrainerControl


class Callbacks:
    """The callbacks of a run, and the state and control that they share."""

    def __init__(
        self, callbacks: Sequence[TrainerCallback], config: PPOConfig, *, is_main: bool, **handed: Any
    ) -> None:
        """``handed`` goes to every call by name: model, processing_class, optimizer, lr_scheduler."""
        self.callbacks = [*callbacks, *trackers(config)]
        self.config = config
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
        """``event`` is the name of a method of TrainerCallback."""
        for callback in self.callbacks:
            answer = getattr(callback, event)(self.config, self.state, self.control, **self.handed, **further)
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


def trackers(config: PPOConfig) -> list[TrainerCallback]:
    """transformers' own, by the names in report_to."""
    names = [config.report_to] if isinstance(config.report_to, str) else list(config.report_to)
    wanted = [name for name in names if name != "none"]
    if not wanted:
        return []
    from transformers.integrations import get_reporting_integration_callbacks

    return [kind() for kind in get_reporting_integration_callbacks(wanted)]
