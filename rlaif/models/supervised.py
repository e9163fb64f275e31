"""Supervised fine-tuning (SFT): the policy learns to write the references.

The loss is the mean negative log-likelihood of the completions' tokens and their EOS; the
prompt is read, not learnt. Training ends when the validation loss stops falling, and the
best weights are kept.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rlaif.config import PolicyConfig
from rlaif.errors import UserError
from rlaif.models.fit_settings import FitSettings
from rlaif.models.fitting import Batch, FitResult, OnLog, fit
from rlaif.models.policy import Policy, autocast
from rlaif.models.shares import Shares
from rlaif.models.stop_tokens import eos_of
from rlaif.models.texts import encode_completions, encode_prompts

IGNORED = -100  # the label that cross-entropy leaves out
ALL_OF_IT = Shares()


@dataclass(frozen=True)
class TrainingText:
    """One prompt and its target as token ids."""

    input_ids: tuple[int, ...]
    num_prompt_tokens: int
    prompt_was_cut: bool = False
    target_was_cut: bool = False


@dataclass(frozen=True)
class SftResult:
    """How the training went, and how much of the data did not fit."""

    fit: FitResult
    num_train: int
    num_validation: int
    num_prompts_cut: int
    """Training prompts longer than max_prompt_tokens: they lost their beginning."""
    num_targets_cut: int
    """Training targets longer than max_new_tokens: they lost their end, and their EOS."""


def train_supervised(
    policy: Policy,
    train: Sequence[tuple[str, str]],
    validation: Sequence[tuple[str, str]],
    config: PolicyConfig,
    *,
    directory: Path,
    seed: int,
    on_log: OnLog | None = None,
) -> SftResult:
    """Fine-tune `policy` in place on (prompt, target) texts; it is left with the best weights.

    Args:
        train: what is learnt. The prompt is encoded on its own, as it is when sampling.
        validation: held out; its loss decides when to stop and which weights are the best.
        config: lengths, precision, and `config.sft`.
        directory: of the checkpoints, from which a run that died goes on.
        on_log: see `fitting.fit`; evaluations log `validation_loss`, in nats a token.

    Raises:
        UserError: an empty training or validation set, or texts that are empty.
    """
    if not validation:
        raise UserError(
            "the validation set is empty, so nothing could tell when to stop: raise data.validation_fraction "
            "or data.max_train"
        )
    tokenizer, sft = policy.tokenizer, config.sft
    lengths = {"max_prompt_tokens": config.max_prompt_tokens, "max_new_tokens": config.max_new_tokens}
    train_texts = encode_texts(tokenizer, train, **lengths)
    validation_texts = encode_texts(tokenizer, validation, **lengths)

    shares = Shares.of_processes()

    def validate() -> dict[str, float]:
        with autocast(config.precision, policy.model.device):
            return {"validation_loss": completion_loss(policy, validation_texts, sft.batch_size, shares)}

    result = fit(
        policy.model,
        train_texts,
        [len(text.input_ids) for text in train_texts],
        lambda texts: collate_share(texts, shares, tokenizer.pad_token_id, window=takes_window(policy.model)),
        validate,
        FitSettings.of(sft),
        directory=directory,
        seed=seed,
        precision=config.precision,
        on_log=on_log,
        title="sft",
        loss=batch_loss,
    )
    return SftResult(
        fit=result,
        num_train=len(train_texts),
        num_validation=len(validation_texts),
        num_prompts_cut=sum(text.prompt_was_cut for text in train_texts),
        num_targets_cut=sum(text.target_was_cut for text in train_texts),
    )


def encode_texts(
    tokenizer: Any, texts: Sequence[tuple[str, str]], *, max_prompt_tokens: int, max_new_tokens: int
) -> list[TrainingText]:
    """Prompt + target + EOS as ids. A long prompt keeps its last tokens, a long target its first.

    The EOS counts among `max_new_tokens`, as it does when sampling. A target that was cut has
    no EOS: the model is not taught to stop in the middle.
    """
    if not texts:
        return []
    prompts = encode_prompts(tokenizer, [prompt for prompt, _ in texts], max_prompt_tokens)
    targets = encode_completions(tokenizer, [target for _, target in texts])
    eos, encoded = eos_of(tokenizer), []
    for (prompt_ids, num_cut), target_ids in zip(prompts, targets, strict=True):
        whole = (*target_ids, eos)
        encoded.append(
            TrainingText(
                input_ids=(*prompt_ids, *whole[:max_new_tokens]),
                num_prompt_tokens=len(prompt_ids),
                prompt_was_cut=num_cut > 0,
                target_was_cut=len(whole) > max_new_tokens,
            )
        )
    return encoded


def takes_window(model: Any) -> bool:
    """Whether the model can leave out the logits of a batch's first positions."""
    return "logits_to_keep" in inspect.signature(model.forward).parameters


def collate(texts: Sequence[TrainingText], pad_id: int, *, window: bool = False) -> Batch:
    """`input_ids`, `attention_mask` and `labels`, each [texts, longest], padded on the right.

    Masks come from lengths, so that a padding token which is also the EOS hides no EOS.

    Args:
        window: leave out the logits of positions that are prompt in every row (`logits_to_keep`);
            `labels` are [texts, kept] then. Nothing is learnt there, so loss and gradient are the same.
    """
    longest = max(len(text.input_ids) for text in texts)
    input_ids = torch.full((len(texts), longest), pad_id)
    attention_mask = torch.zeros((len(texts), longest), dtype=torch.long)
    labels = torch.full((len(texts), longest), IGNORED)
    for row, text in enumerate(texts):
        length, start = len(text.input_ids), text.num_prompt_tokens
        input_ids[row, :length] = torch.tensor(text.input_ids)
        attention_mask[row, :length] = 1
        labels[row, start:length] = input_ids[row, start:length]
    batch: Batch = {"input_ids": input_ids, "attention_mask": attention_mask, "labels": labels}
    if window:
        # The last prompt token stays: it predicts the first of the completion.
        kept = longest - min(text.num_prompt_tokens for text in texts) + 1
        batch |= {"labels": labels[:, -kept:], "logits_to_keep": kept}
    return batch


def batch_loss(model: Any, batch: Batch, num_tokens: Tensor | int | None = None) -> Tensor:
    """The sum of −log p over the tokens that `labels` name, in nats, divided by `num_tokens`, or by their number.

    Computed here from the logits, because not all models agree on what their own loss is: some do not shift the labels,
    some add terms. The mask is left out, for a causal model's tokens never see the padding behind them.
    """
    # Labels move one to the left, not logits to the right: a copy of those would cost more.
    labels = torch.nn.functional.pad(batch["labels"][:, 1:], (0, 1), value=IGNORED)
    window = {"logits_to_keep": batch["logits_to_keep"]} if "logits_to_keep" in batch else {}
    logits = model(input_ids=batch["input_ids"], use_cache=False, **window).logits
    total = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1).float(), labels.flatten(), ignore_index=IGNORED, reduction="sum"
    )
    return total / ((labels != IGNORED).sum() if num_tokens is None else num_tokens)


def collate_share(texts: Sequence[TrainingText], shares: Shares, pad_id: int, *, window: bool = False) -> Batch:
    """This process's part of a batch; a process without one reads a text that nothing is learnt of."""
    own = shares.own(texts)
    batch = collate(own or texts[:1], pad_id, window=window)
    if not own:
        batch["labels"].fill_(IGNORED)
    return batch


@torch.no_grad()
def completion_loss(
    policy: Policy, texts: Sequence[TrainingText], batch_size: int, shares: Shares = ALL_OF_IT
) -> float:
    """Mean negative log-likelihood of the completions' tokens, in nats; every token counts alike.

    Args:
        shares: of the processes that call it together, each with the same texts.
    """
    device = next(policy.model.parameters()).device
    by_length = sorted(texts, key=lambda text: -len(text.input_ids))
    total, num_tokens, window = 0.0, 0, takes_window(policy.model)
    for start in shares.own(range(0, len(by_length), batch_size)):
        batch = collate(by_length[start : start + batch_size], policy.tokenizer.pad_token_id, window=window)
        on_device = {name: value if isinstance(value, int) else value.to(device) for name, value in batch.items()}
        total += batch_loss(policy.model, on_device, 1).item()
        num_tokens += int((batch["labels"][:, 1:] != IGNORED).sum())
    loss, num_summed = shares.sum([total, num_tokens])
    return loss / num_summed
