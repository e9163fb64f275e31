"""Sampling completions from a causal language model: the one sampler of every stage.

Where it differs from `transformers.GenerationMixin.generate`: rows that have finished leave
the batch and the KV cache while the others go on, randomness comes from a private generator
(the global one is not touched), and the result is text with its token ids in input order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rlaif.errors import UserError
from rlaif.models.rows import decode, make_rows
from rlaif.models.stop_tokens import as_ids, stop_token_ids
from rlaif.models.texts import CompletionReader, encode_prompts
from rlaif.models.ways import way_of
from rlaif.records import FinishReason


@dataclass(frozen=True)
class Generation:
    """One sampled completion."""

    text: str
    """What follows the prompt's text, without the stop token that ended it."""
    prompt_ids: tuple[int, ...]
    """What the model saw: at most max_prompt_tokens, of a longer prompt the last."""
    completion_ids: tuple[int, ...]
    """The sampled tokens. The stop token that ended them is the last one."""
    finish_reason: FinishReason
    num_prompt_tokens_cut: int = 0
    """Tokens that were cut from the prompt's beginning because it was too long."""


def generate(
    model: nn.Module,
    tokenizer: Any,
    prompts: Sequence[str],
    *,
    max_new_tokens: int,
    temperature: float,
    top_p: float = 1.0,
    seed: int,
    max_prompt_tokens: int,
    batch_size: int,
    seeds: Sequence[int] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Generation]:
    """One completion for every prompt, in the prompts' order.

    A prompt longer than `max_prompt_tokens` keeps its LAST tokens, because an instruction
    prompt ends with the mark that asks for the output; `num_prompt_tokens_cut` counts the rest.
    A completion ends with a stop token (`stop_token_ids`; "stop") or after `max_new_tokens` ("length").
    `temperature` 0 is greedy decoding. Each prompt has a random stream of its own, made of `seed`
    and its index, or its own of `seeds`, so that a completion depends neither on the others nor on
    `batch_size`. Batches go from the longest prompts to the shortest; `progress(num_done,
    num_prompts)` is called after each.

    The model runs in its own dtype and under the caller's autocast, in eval mode.

    Raises:
        UserError: an empty prompt, a tokenizer without EOS, or a prompt and completion that do
            not fit into the model's positions.
    """
    stop_ids = stop_token_ids(model, tokenizer)
    reader = CompletionReader(tokenizer, stop_ids)
    encoded = encode_prompts(tokenizer, prompts, max_prompt_tokens)
    require_positions(model, max((len(ids) for ids, _ in encoded), default=0), max_new_tokens)
    longest_first = sorted(range(len(prompts)), key=lambda index: (-len(encoded[index][0]), index))
    generations: list[Generation | None] = [None] * len(prompts)

    for start in range(0, len(prompts), batch_size):
        batch = longest_first[start : start + batch_size]
        streams = [derive_seed(seed, index) if seeds is None else seeds[index] for index in batch]
        uniforms = Uniforms(streams, max_new_tokens)
        completions = decode_batch(
            model,
            [encoded[index][0] for index in batch],
            eos_token_id=stop_ids,
            max_new_tokens=max_new_tokens,
            choose=lambda logits, rows, uniforms=uniforms: choose_tokens(  # type: ignore[misc]
                logits, temperature, top_p, uniforms.draw(rows)
            ),
        )
        for index, completion_ids in zip(batch, completions, strict=True):
            prompt_ids, num_cut = encoded[index]
            text, reason = reader.text(completion_ids), reader.finish_reason(completion_ids)
            generations[index] = Generation(text, prompt_ids, tuple(completion_ids), reason, num_cut)
        if progress is not None:
            progress(start + len(batch), len(prompts))
    return [generation for generation in generations if generation is not None]


def derive_seed(*parts: int | str) -> int:
    """A seed for one part of a seeded whole; neighbouring parts get unrelated streams."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def num_positions_of(model: Any) -> int | None:
    """How many tokens the model can tell the places of; None where nothing says.

    Of a table of positions those up to its padding's are no token's (RoBERTa's kin). Where rotary angles are others for
    longer texts ("longrope", as in Phi-3), a text that grows beyond would change what was said of its beginning.
    """
    config = getattr(model, "config", None)
    if config is not None and hasattr(config, "get_text_config"):
        config = config.get_text_config()
    names = ("max_position_embeddings", "max_seq_len")  # the latter is MPT's; XLNet's -1 is no limit
    positions: int | None = next((found for name in names if (found := getattr(config, name, None) or 0) > 0), None)
    if positions is None:
        return None
    tables = [one for one in model.modules() if isinstance(one, nn.Embedding) and one.num_embeddings == positions]
    for table in tables:
        if table.padding_idx is not None and table is not model.get_input_embeddings():
            positions = table.num_embeddings - table.padding_idx - 1
    rope = getattr(config, "rope_parameters", None) or {}
    for one in (rope, *(value for value in rope.values() if isinstance(value, dict))):
        if one.get("rope_type") == "longrope":
            positions = min(positions, one.get("original_max_position_embeddings") or positions)
    return positions


def require_positions(model: nn.Module, prompt_length: int, max_new_tokens: int) -> None:
    """UserError where the longest prompt and completion exceed the model's position embeddings."""
    num_positions = num_positions_of(model)
    if num_positions is not None and prompt_length + max_new_tokens > num_positions:
        raise UserError(
            f"a prompt of {prompt_length} tokens and max_new_tokens={max_new_tokens} exceed the model's "
            f"{num_positions} positions: lower max_prompt_tokens or max_new_tokens"
        )


@torch.no_grad()
def decode_batch(
    model: nn.Module,
    prompts: Sequence[Sequence[int]],
    *,
    eos_token_id: int | Collection[int],
    max_new_tokens: int,
    choose: Callable[[Tensor, Sequence[int]], Tensor],
) -> list[list[int]]:
    """The completions of one batch, token by token; `choose` maps logits [rows, vocab]
    of these rows of the batch to ids [rows].

    How prompts of unequal length share the batch depends on the architecture: see `ways`. What pads them, where they
    are padded, is never looked at, so pad may equal EOS. `eos_token_id`: what ends a row, one token or several.
    """
    stop_ids = as_ids(eos_token_id)
    completions: list[list[int]] = [[] for _ in prompts]

    def take(rows: list[int], logits: Tensor) -> tuple[Tensor, list[bool]]:
        tokens = choose(logits.float(), rows)
        goes_on = []
        for row, token in zip(rows, tokens.tolist(), strict=True):
            completions[row].append(token)
            goes_on.append(token not in stop_ids and len(completions[row]) < max_new_tokens)
        return tokens, goes_on

    with eval_mode(model):
        decode(make_rows(way_of(model), model, prompts, max_new_tokens, device_of(model)), take)
    return completions


class Uniforms:
    """A number in [0, 1) for every row and step of a batch, each row from a stream of its own; on the CPU."""

    def __init__(self, seeds: Sequence[int], num_steps: int) -> None:
        streams = [torch.Generator().manual_seed(seed) for seed in seeds]
        self._numbers = torch.stack([torch.rand(num_steps, generator=one, dtype=torch.float64) for one in streams])
        self._taken = [0] * len(seeds)

    def draw(self, rows: Sequence[int]) -> Tensor:
        """[rows] fp64: the next number of each of these rows."""
        steps = [self._taken[row] for row in rows]
        for row in rows:
            self._taken[row] += 1
        return self._numbers[list(rows), steps]


def choose_tokens(logits: Tensor, temperature: float, top_p: float, uniforms: Tensor) -> Tensor:
    """Next tokens [rows] from logits [rows, vocab]: greedy at temperature 0, else sampled with uniforms [rows]."""
    if temperature == 0:
        return logits.argmax(dim=-1)
    logits = logits / temperature
    if top_p < 1:
        logits = keep_nucleus(logits, top_p)
    return sample_tokens(logits.softmax(dim=-1), uniforms)


def sample_tokens(probabilities: Tensor, uniforms: Tensor) -> Tensor:
    """One token a row [rows] of probabilities [rows, vocab]: the inverse of their cumulative sum at uniforms [rows].

    One random number a row, where torch.multinomial draws one a token of the vocabulary. They come from the CPU, so
    that every device draws the same.
    """
    widest = torch.float32 if probabilities.device.type == "mps" else torch.float64
    cumulative = probabilities.to(widest).cumsum(dim=-1)
    targets = uniforms[:, None].to(probabilities.device, widest) * cumulative[:, -1:]
    tokens = torch.searchsorted(cumulative, targets, right=True)
    return tokens[:, 0].clamp(max=probabilities.shape[1] - 1)


def keep_nucleus(logits: Tensor, top_p: float) -> Tensor:
    """Logits with −inf outside the smallest set of tokens whose probability reaches `top_p`.

    Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration", section 3.1.
    """
    probabilities, order = logits.softmax(dim=-1).sort(dim=-1, descending=True)
    before = probabilities.cumsum(dim=-1) - probabilities
    outside = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, order, before >= top_p)
    return logits.masked_fill(outside, float("-inf"))


def device_of(model: nn.Module) -> torch.device:
    return next(model.parameters()).device


@contextmanager
def eval_mode(model: nn.Module) -> Iterator[None]:
    """Dropout off inside; the model's mode is restored after."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
