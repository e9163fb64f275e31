"""PPO-ptx: beside the reward, the likelihood of texts that the policy should not forget.

Ouyang et al. 2022 (InstructGPT, arXiv 2203.02155), equation 2: γ·E_D[log π(x)] is added to what PPO maximises.
There D is pretraining text; here it is completions of prompts, such as the references that the policy was fine-tuned
on. The KL penalty alone lets a policy drop most of what it knew at little cost, since it is measured where the policy
still goes; a text that has become improbable costs much here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rlaif.errors import UserError
from rlaif.models.stop_tokens import eos_of
from rlaif.models.texts import encode_completions
from rlaif.rl.actor_critic.forward import training_precision
from rlaif.rl.config import PPOConfig
from rlaif.rl.dataset import encode_prompts, read_prompts, require_room
from rlaif.rl.functional import masked_sum
from rlaif.rl.micro_batches import micro_batches
from rlaif.rl.padding import pad_sequences
from rlaif.rl.processes import Processes
from rlaif.rl.rows import rows_of

NAME = "ptx_dataset"


@dataclass(frozen=True)
class PtxTexts:
    """N texts as sequences of at most L tokens: prompt, completion, padding."""

    input_ids: Tensor
    """[N, L] int64, padded on the right"""
    action_mask: Tensor
    """[N, L] bool: True at the completion's tokens, the EOS included."""
    lengths: Tensor
    """[N] int64: tokens of prompt and completion."""

    def batches(self, size: int, generator: torch.Generator) -> Iterator[PtxTexts]:
        """`size` of the texts at a time, without end: passes over all, each in an order of its own."""
        waiting = torch.empty(0, dtype=torch.long)
        while True:
            while len(waiting) < size:
                waiting = torch.cat([waiting, torch.randperm(len(self.lengths), generator=generator)])
            rows = waiting[:size].to(self.lengths.device)
            yield PtxTexts(self.input_ids[rows], self.action_mask[rows], self.lengths[rows])
            waiting = waiting[size:]


def read_texts(
    dataset: Any, processing_class: Any, config: PPOConfig, device: torch.device, num_positions: int | None = None
) -> PtxTexts:
    """Rows with "prompt" and "completion", both as PPO's own: a long prompt keeps its last tokens, a long completion
    its first, without the EOS that all others end with.

    Args:
        num_positions: of the model; None where nothing limits them.

    Raises:
        UserError: no rows, or one without a prompt or a completion, or with a prompt that leaves no room for one.
    """
    if dataset is None:
        raise UserError("ptx_dataset: ptx_coef needs rows with a prompt and a completion")
    rows = rows_of(dataset, NAME)
    completions = [completion_of(row, number) for number, row in enumerate(rows)]
    prompts = read_prompts(rows, processing_class, name=NAME)
    require_room(prompts, processing_class, config.max_prompt_length, config.max_completion_length, num_positions, NAME)
    eos = eos_of(processing_class)
    whole = [(*ids, eos)[: config.max_completion_length] for ids in encode_completions(processing_class, completions)]
    starts = [one for one, _ in encode_prompts(prompts, processing_class, config.max_prompt_length)]
    return pad(starts, whole, device)


def completion_of(row: Any, number: int) -> str:
    """A row's completion: a text, or as one message of the assistant. UserError where there is none."""
    completion = row.get("completion") if isinstance(row, Mapping) else None
    if isinstance(completion, list | tuple) and len(completion) == 1 and isinstance(completion[0], Mapping):
        completion = completion[0].get("content")
    if not isinstance(completion, str) or not completion:
        raise UserError(f'{NAME}: row {number} has no "completion", a text')
    return completion


def pad(prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]], device: torch.device) -> PtxTexts:
    """Token ids of prompts and of their completions as one table."""
    input_ids, action_mask, lengths = pad_sequences(prompts, completions)
    return PtxTexts(input_ids.to(device), action_mask.to(device), torch.tensor(lengths, device=device))


def backward_ptx(model: nn.Module, texts: PtxTexts, config: PPOConfig, processes: Processes) -> float:
    """Add the gradients of ptx_coef times the texts' loss, over all processes; returns the loss.

    The loss is −log π(token), at temperature 1, in nats a token of the completions: a mean over all their tokens, so
    that micro-batches do not change it. Processes do not exchange gradients here: a pass that does has to follow.
    """
    rows, num_tokens = torch.arange(len(texts.lengths), device=texts.lengths.device), int(texts.action_mask.sum())
    parts = micro_batches(
        rows, texts.lengths, config.per_device_train_batch_size, config.max_tokens_per_micro_batch, processes.count
    )
    total = torch.zeros((), dtype=torch.float32, device=rows.device)
    for (chosen, longest), weight, _ in processes.turns(parts):
        mask = texts.action_mask[chosen, :longest]
        with processes.waiting(model, last=False):
            with training_precision(mask.device, bf16=config.bf16):
                now = model(texts.input_ids[chosen, :longest], mask, chunk_size=config.logprob_chunk_size)
            loss = -masked_sum(now.logprobs, mask)
            (loss * (config.ptx_coef * weight * processes.count / num_tokens)).backward()
        total += weight * loss.detach()
    return processes.sum(total).item() / num_tokens
