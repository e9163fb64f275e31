"""transformers' callbacks, called at PPO's own moments: begin, log, save, step end, end.

A step is a rollout and its update. `control.should_training_stop` and `control.should_save` are obeyed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState

from rlaif.rl.config import PPOConfig


class Callbacks:
    """The callbacks of a run, and the state and control that they share."""

    def __init__(
        self, callbacks: Sequence[TrainerCallback], config: PPOConfig, *, is_main: bool, **handed: Any
    ) -> None:
        """``handed`` goes to every call by name: model, processing_class, optimizer, lr_scheduler."""
        self.callbacks = [*callbacks, *trackers(config)]
        self.config = config
        self.handed = handed
        self.control = TrainerControl()
        self.state = TrainerState(
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


def trackers(config: PPOConfig) -> list[TrainerCallback]:
    """transformers' own, by the names in report_to."""
    from transformers.integrations import get_reporting_integration_callbacks

    names = [config.report_to] if isinstance(config.report_to, str) else list(config.report_to)
    wanted = [name for name in names if name != "none"]
    return [kind() for kind in get_reporting_integration_callbacks(wanted)] if wanted else []
