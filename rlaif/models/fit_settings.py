"""What decides the course of a fit, and what transformers' `Trainer` is told of it."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments

from rlaif.config import LrSchedule, Precision, RewardConfig, SftConfig
from rlaif.models.device import accelerate_state, current_device
from rlaif.models.policy import uses_bf16

SCHEDULES = {  # transformers' names; all of them warm up first
    LrSchedule.constant: "constant_with_warmup",
    LrSchedule.linear: "linear",
    LrSchedule.cosine: "cosine",
}
LOGGING_STEPS = 10


@dataclass(frozen=True)
class FitSettings:
    """What decides the course of a fit. `eval_steps` counts optimizer steps; None means once an epoch."""

    learning_rate: float
    batch_size: int
    max_epochs: int
    patience: int
    warmup_ratio: float
    weight_decay: float
    max_grad_norm: float
    adam_beta2: float = 0.999
    eval_steps: int | None = None
    lr_schedule: LrSchedule = LrSchedule.constant
    gradient_accumulation_steps: int = 1

    @classmethod
    def of(cls, config: SftConfig | RewardConfig, **changes: Any) -> FitSettings:
        """The settings that `config` has by the same names; the others keep their defaults."""
        names = {field.name for field in dataclasses.fields(cls)} & {field.name for field in dataclasses.fields(config)}
        return cls(**{**{name: getattr(config, name) for name in names}, **changes})


def training_arguments(
    settings: FitSettings, num_items: int, directory: Path, seed: int, precision: Precision
) -> TrainingArguments:
    device = current_device()
    per_step = settings.batch_size * settings.gradient_accumulation_steps
    steps_per_epoch = math.ceil(num_items / per_step)
    eval_steps = settings.eval_steps or steps_per_epoch
    arguments = _Arguments(
        output_dir=str(directory),
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation_steps,
        num_train_epochs=settings.max_epochs,
        learning_rate=settings.learning_rate,
        lr_scheduler_type=SCHEDULES[settings.lr_schedule],
        warmup_steps=math.ceil(settings.warmup_ratio * settings.max_epochs * steps_per_epoch),
        weight_decay=settings.weight_decay,
        adam_beta2=settings.adam_beta2,
        max_grad_norm=settings.max_grad_norm,
        eval_strategy="steps",
        eval_steps=eval_steps,
        save_strategy="steps",
        save_steps=eval_steps,
        save_total_limit=1,  # the last one, and the best one where that is another
        metric_for_best_model="validation_loss",
        greater_is_better=False,
        logging_steps=min(LOGGING_STEPS, eval_steps),
        logging_nan_inf_filter=False,  # a loss that is not a number is shown as such
        include_num_input_tokens_seen="non_padding",
        bf16=uses_bf16(precision, device),
        use_cpu=device.type == "cpu",
        dataloader_pin_memory=device.type == "cuda",
        seed=seed,
        report_to="none",
        disable_tqdm=True,
    )
    arguments.mixed_precision = "bf16" if arguments.bf16 else "no"  # whatever accelerate's config says
    accelerate_state()  # anew: what makes the arguments resets it
    return arguments


class _Arguments(TrainingArguments):
    """transformers' arguments, on the current device alone."""

    @property
    def device(self) -> torch.device:
        super().device  # noqa: B018  # forms the group of processes, where there are several
        return current_device()

    @property
    def n_gpu(self) -> int:
        """One at most: batches are not cut up among the other GPUs that this process could see."""
        return min(1, super().n_gpu)
