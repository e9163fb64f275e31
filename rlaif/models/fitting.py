"""Gradient descent until the validation loss stops falling: what SFT and the reward model share.

Stands on transformers' `Trainer`. Four public methods of it are given here: the training
batches (so that their order depends on seed and epoch alone, and a resumed run sees the
same ones), the loss (where it is not the model's own), the evaluation (a mean over tokens or
pairs; `Trainer` averages the batches' means), and none of its private ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate.data_loader import prepare_data_loader
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback, TrainerState

from rlaif.config import Precision
from rlaif.errors import UserError
from rlaif.models.checkpoints import (
    STATE,
    evaluations_since_best,
    is_over,
    last_checkpoint,
    load_weights,
)
from rlaif.models.device import saveable
from rlaif.models.fit_settings import FitSettings, training_arguments
from rlaif.models.generation import derive_seed, eval_mode
from rlaif.models.length_groups import LengthGroupedSampler
from rlaif.models.precision import train_in_fp32
from rlaif.models.shard_bars import without_shard_bars
from rlaif.models.shares import Shares
from rlaif.models.writing import writing_to

Batch = dict[str, Any]
"""A forward's arguments by name: tensors, and what else it takes."""
Loss = Callable[[nn.Module, Batch, Any], torch.Tensor]
"""Of a model and a batch with `labels`: a sum over them, divided by the number that is given, or else by theirs."""
OnLog = Callable[[int, dict[str, float]], None]
"""Called with (step, metrics) whenever there are new figures."""


@dataclass(frozen=True)
class FitResult:
    """How a fit went. The model holds the weights of `best_step`."""

    best_validation_loss: float
    best_step: int
    num_steps: int
    num_epochs: float
    num_tokens: int
    """Real tokens that went forward and backward, over all sessions."""
    tokens_per_second: float | None
    """Of this session, evaluations and checkpoints included; None where no step was left to do."""


def fit(
    model: nn.Module,
    train: Sequence[Any],
    lengths: Sequence[int],
    collate: Callable[[list[Any]], Batch],
    validate: Callable[[], dict[str, float]],
    settings: FitSettings,
    *,
    directory: Path,
    seed: int,
    precision: Precision,
    on_log: OnLog | None = None,
    title: str = "fit",
    loss: Loss | None = None,
) -> FitResult:
    """Train `model` in place and leave the best evaluated weights in it.

    Every `eval_steps` steps the validation loss is measured and a checkpoint written; after
    `patience` evaluations in a row without a new best the fit ends, at the latest after
    `max_epochs`. A run that died goes on from its last complete checkpoint in `directory` and
    ends with the same weights (bitwise on a CPU with one thread).

    Args:
        model: its forward takes a collated batch and returns something with a `loss`.
        train: one item a row; `lengths` are their numbers of tokens, to batch alike ones.
        collate: a batch's items to this process's part of it, with an `attention_mask`. Where a launcher started
            several processes each calls `fit`, with the same arguments, and they train together (DDP).
        validate: figures of the model as it is now; `validation_loss` is the one to lower.
            It must not draw from the global random stream.
        loss: computed of model and batch. None: the model's own, a mean over the items of a batch.
        on_log: gets `loss`, `learning_rate`, `grad_norm`, `epoch`, `tokens_per_second` every
            ten steps and the figures of `validate` at every evaluation.

    Raises:
        UserError: no training data, or a validation loss that was never a number.
    """
    if not train:
        raise UserError("the training set is empty")
    train_in_fp32(model, keep_frozen=False)
    shares = Shares.of_processes()
    arguments = training_arguments(settings, len(train), directory, seed, precision)
    trainer = _Trainer(model, arguments, train, lengths, collate, validate, loss)
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(_Course(settings.patience, on_log, title))
    if shares.index:  # dropout of its own; what is drawn before is drawn alike
        torch.manual_seed(derive_seed(seed, shares.index))
    checkpoint = shares.from_first(lambda: last_checkpoint(directory))

    state = TrainerState.load_from_json(str(checkpoint / STATE)) if checkpoint else None
    rate = None
    if state is None or not is_over(state, settings.patience):
        before, started = state.num_input_tokens_seen if state else 0, time.perf_counter()
        with without_shard_bars(), writing_to(directory):  # one bar is enough
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        state = trainer.state
        rate = (state.num_input_tokens_seen - before) / (time.perf_counter() - started)
    trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)  # autocast is the caller's again

    if not state.best_global_step or state.best_metric is None:
        raise UserError(f"{title}: the validation loss was never a number; lower the learning rate")
    shares.wait()  # for the first process to have written it
    load_weights(model, directory / f"checkpoint-{state.best_global_step}")
    shares.wait()  # for all to have read it, before whoever called removes it
    return FitResult(
        best_validation_loss=float(state.best_metric),
        best_step=state.best_global_step,
        num_steps=state.global_step,
        num_epochs=round(float(state.epoch or 0), 3),
        num_tokens=int(state.num_input_tokens_seen),
        tokens_per_second=rate,
    )


class _Trainer(Trainer):
    """transformers' loop with this project's batches and evaluation."""

    def __init__(
        self,
        model: nn.Module,
        arguments: TrainingArguments,
        train: Sequence[Any],
        lengths: Sequence[int],
        collate: Callable[[list[Any]], Batch],
        validate: Callable[[], dict[str, float]],
        loss: Loss | None,
    ) -> None:
        self.sampler = LengthGroupedSampler(lengths, arguments.per_device_train_batch_size, arguments.seed)
        self.validate = validate
        self.items: Any = train
        self.module = model
        super().__init__(
            model=model,
            args=arguments,
            train_dataset=train,  # type: ignore[arg-type]
            eval_dataset=(),  # type: ignore[arg-type]  # `validate` has its own
            data_collator=collate,
            compute_loss_func=loss,
        )

    def compute_loss(
        self, model: nn.Module, inputs: Batch, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        if self.compute_loss_func is None:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        loss = self.compute_loss_func(model, inputs, num_items_in_batch)
        if num_items_in_batch is not None:  # the number of all processes, which average their gradients
            loss = loss * self.accelerator.num_processes
        return (loss, {}) if return_outputs else loss

    def get_train_dataloader(self) -> DataLoader:
        """Whole batches for every process: what takes its part of one is the collator."""
        batches = DataLoader(
            self.items,
            batch_size=self.args.per_device_train_batch_size,
            sampler=self.sampler,
            collate_fn=self.data_collator,
            pin_memory=self.args.dataloader_pin_memory,
        )
        return prepare_data_loader(batches, self.args.device, num_processes=1, process_index=0, put_on_device=True)

    def create_optimizer(self, *arguments: Any) -> torch.optim.Optimizer:
        optimizer = super().create_optimizer(*arguments)
        optimizer.register_state_dict_post_hook(lambda _, state: saveable(state))
        return optimizer

    def evaluate(self, *arguments: Any, **options: Any) -> dict[str, float]:
        # Trainer puts "eval_" in front of the names that it looks for.
        with torch.no_grad(), eval_mode(self.module):
            metrics = {f"eval_{name}": value for name, value in self.validate().items()}
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


class _Course(TrainerCallback):
    """Early stopping, the progress bar, and the figures on their way to `on_log`."""

    def __init__(self, patience: int, on_log: OnLog | None, title: str) -> None:
        self.patience, self.on_log_, self.title = patience, on_log, title

    def on_train_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        self.bar = tqdm(total=state.max_steps, initial=state.global_step, desc=self.title, unit="step")
        self.started, self.tokens_before = time.perf_counter(), state.num_input_tokens_seen

    def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        self.bar.update(state.global_step - self.bar.n)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **rest: Any) -> None:
        metrics = {name.removeprefix("eval_"): value for name, value in logs.items() if name.startswith("eval_")}
        if "loss" in logs:
            seconds = time.perf_counter() - self.started
            tokens = state.num_input_tokens_seen - self.tokens_before
            metrics |= {name: logs[name] for name in ("loss", "learning_rate", "grad_norm") if name in logs}
            metrics |= {"epoch": state.epoch, "tokens_per_second": tokens / seconds}
        shown = {name: f"{metrics[name]:.3f}" for name in ("loss", "validation_loss") if name in metrics}
        self.bar.set_postfix(shown, refresh=False)
        if metrics and self.on_log_ is not None:
            self.on_log_(state.global_step, metrics)

    def on_evaluate(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        control.should_training_stop |= evaluations_since_best(state) >= self.patience

    def on_train_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        self.bar.close()
