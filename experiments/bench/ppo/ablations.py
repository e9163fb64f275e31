"""This project's PPO without one of its techniques: by a setting where there is one, else by a
function that replaces the trainer's own in the benchmark's process."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from typing import Any

import torch

from experiments.bench.ppo.task import PAD_ID
from experiments.bench.ppo.techniques import (
    ACTION_LOGITS,
    CHUNKS,
    FUSED_ADAMW,
    FUSED_GELU,
    KEPT_MEMORY,
    KEPT_SCORES,
    NO_PADDING,
    ONE_PASS,
    PACKING,
    ROWS_DROPPED,
    SHARED_TRUNK,
)
from rlaif.rl import freed_memory, functional, optimizer
from rlaif.rl.actor_critic import forward
from rlaif.rl.sampling import sampler

MICRO_BATCHES = {"per_device_train_batch_size": 4, "max_tokens_per_micro_batch": 512}
SETTINGS: dict[str, dict[str, Any]] = {PACKING: MICRO_BATCHES, ONE_PASS: MICRO_BATCHES}
"""PACKING off: samples padded in small sorted micro-batches. NO_PADDING off: all padded to the longest, in one pass."""


class Switch:
    """Remembers that a replacement was called: one that is not would measure nothing."""

    was_used = False


def switch_off(technique: str) -> Switch:
    """To be called before the trainer is made, after its modules are imported."""
    switch = Switch()
    if technique in REPLACEMENTS:
        REPLACEMENTS[technique](switch)
    elif technique in SETTINGS or technique == SHARED_TRUNK:  # by an argument of the trainer
        switch.was_used = True
    return switch


def score_every_token(switch: Switch) -> None:
    """Logits and values of prompts too; those of actions are kept."""
    original = forward.ActorCritic.forward

    @wraps(original)
    def every_token(self: Any, input_ids: Any, action_mask: Any, **options: Any) -> Any:
        switch.was_used = True
        before_the_end = action_mask.flip(1).cummax(1).values.flip(1)
        before_the_end[:, 0] = False  # nothing chooses the first token
        scores = original(self, input_ids, before_the_end, **options)
        return type(scores)(*(part if part is None else part.masked_fill(~action_mask, 0) for part in scores))

    forward.ActorCritic.forward = every_token


def score_again(switch: Switch) -> None:
    """Throw away what was seen while sampling; a forward pass over the finished sequences instead."""
    original = sampler.sample

    @wraps(original)
    def sample(actor_critic: Any, prompt_ids: Any, **options: Any) -> Any:
        switch.was_used = True
        samples = original(actor_critic, prompt_ids, **options)
        with torch.no_grad():
            return [
                scored_anew(actor_critic, prompt, sampled, options["temperature"])
                for prompt, sampled in zip(prompt_ids, samples, strict=True)
            ]

    replace_everywhere(original, sample)


def scored_anew(actor_critic: Any, prompt: Any, sampled: Any, temperature: float) -> Any:
    """Row by row: no padding, and so the cheapest pass there is."""
    ids = torch.tensor([[*prompt, *sampled.ids]])
    mask = torch.arange(ids.shape[1])[None] >= len(prompt)
    scores = actor_critic(ids, mask, temperature=temperature, with_entropy=True)
    values = None if scores.values is None else scores.values[mask]
    return dataclasses.replace(sampled, logprobs=scores.logprobs[mask], values=values, entropy=scores.entropy[mask])


def decode_to_the_end(switch: Switch) -> None:
    """Sample every row to the length limit, and cut it at its stop token afterwards."""
    original = sampler.sample

    @wraps(original)
    def sample(actor_critic: Any, prompt_ids: Any, *, on_finished: Any = None, **options: Any) -> Any:
        switch.was_used = True
        samples = original(actor_critic, prompt_ids, **{**options, "eos_token_id": PAD_ID})  # never sampled
        cut = [cut_after(sampled, options["eos_token_id"]) for sampled in samples]
        if on_finished is not None:
            for row, sampled in enumerate(cut):
                on_finished(row, sampled)
        return cut

    replace_everywhere(original, sample)


def cut_after(sampled: Any, stop_ids: Any) -> Any:
    length = next((step for step, id in enumerate(sampled.ids, 1) if id in stop_ids), len(sampled.ids))
    parts = {field.name: getattr(sampled, field.name) for field in dataclasses.fields(sampled)}
    return type(sampled)(**{name: None if part is None else part[:length] for name, part in parts.items()})


def pad(switch: Switch) -> None:
    """The model keeps transformers' own attention, which sequences are padded for."""

    def prepare_packing(*_: Any) -> bool:
        switch.was_used = True
        return False

    replace_everywhere(forward.prepare_packing, prepare_packing)


def keep_activations(switch: Switch) -> None:
    """The model keeps transformers' own GELU."""

    def fuse_activations(_: Any) -> None:
        switch.was_used = True

    replace_everywhere(forward.fuse_activations, fuse_activations)


def keep_all_logits(switch: Switch) -> None:
    """Logits of all actions over the whole vocabulary at once, their gradient by autograd."""

    def token_scores(
        states: Any, head: Any, tokens: Any, *, temperature: float, with_entropy: bool = False, **_: Any
    ) -> tuple[Any, Any]:
        switch.was_used = True
        logits = head(states)
        entropy = functional.entropy_of(logits, temperature) if with_entropy else None
        return functional.logprobs_of(logits, tokens, temperature), entropy

    replace_everywhere(forward.token_scores, token_scores)


def keep_small_steps(switch: Switch) -> None:
    """AdamW as PyTorch has it by default on CPUs: an operation after the other, weight by weight."""
    original = optimizer.make_optimizer

    @wraps(original)
    def make_optimizer(*arguments: Any) -> Any:
        made = original(*arguments)
        for group in made.param_groups:
            switch.was_used = bool(group["fused"])
            group["fused"] = False
        return made

    replace_everywhere(original, make_optimizer)


def give_memory_back(switch: Switch) -> None:
    """What is freed goes back to the kernel whenever glibc thinks so."""

    def keeping_freed_memory(_: Any) -> Any:
        switch.was_used = True
        return nullcontext()

    replace_everywhere(freed_memory.keeping_freed_memory, keeping_freed_memory)


def replace_everywhere(original: Any, replacement: Any) -> None:
    """In every module of the package that has imported it."""
    for name, module in list(sys.modules.items()):
        if name.startswith("rlaif."):
            for attribute, value in list(vars(module).items()):
                if value is original:
                    setattr(module, attribute, replacement)


REPLACEMENTS: dict[str, Callable[[Switch], None]] = {
    ACTION_LOGITS: score_every_token,
    KEPT_SCORES: score_again,
    ROWS_DROPPED: decode_to_the_end,
    PACKING: pad,
    NO_PADDING: pad,
    CHUNKS: keep_all_logits,
    FUSED_GELU: keep_activations,
    FUSED_ADAMW: keep_small_steps,
    KEPT_MEMORY: give_memory_back,
}
