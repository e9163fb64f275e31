"""Which way of decoding is right for a model: found by trying it, since no config says it.

What a model says of each token while rows of unequal length share a batch, and leave it one by one, is compared with a
forward pass over each sequence alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from rlaif.errors import UserError
from rlaif.models.precision import HALF
from rlaif.models.rows import Way, decode, has_recurrent_state, make_rows
from rlaif.models.trunk import unwrapped

T = TypeVar("T")

FOUND: WeakKeyDictionary[nn.Module, Way] = WeakKeyDictionary()
"""Of models that were tried."""
PROMPT_LENGTHS = (6, 4, 1)
NUM_NEW = 3
"""Tokens, of the rows that end last; the second one ends with its first."""
TOLERANCE = 1e-3
"""Nats; and relative to a log-probability."""
LOW_PRECISION_TOLERANCE = 0.3
"""Nats, of a mean: where weights are coarser than fp32, so is everything."""


@torch.no_grad()
def way_of(model: Any) -> Way:
    """How rows of unequal length may share a batch of this causal language model, which is in eval mode.

    Raises:
        UserError: in no way does the model say of a sequence in a batch what it says of it alone.
    """
    if model not in FOUND:
        trial = Trial(model)
        way = first_right(possible_ways(model), trial.is_right)
        if way is None:
            raise UserError(
                f"{type(unwrapped(model)).__name__} cannot be sampled from: neither with its cache nor without "
                "is what it says of a sequence in a batch what it says of the sequence alone"
            )
        FOUND[model] = way
    return FOUND[model]


def possible_ways(model: Any) -> list[Way]:
    """The fastest first."""
    others = [Way.aligned, Way.single, Way.recomputed]
    return others if has_recurrent_state(unwrapped(model)) else [Way.padded, *others]


def first_right(ways: Iterable[T], is_right: Callable[[T], bool]) -> T | None:
    """The first that is right; one that fails is not."""
    for way in ways:
        try:
            if is_right(way):
                return way
        except Exception:  # what an architecture makes of arguments that it was not written for, whatever it is
            continue
    return None


class Trial:
    """Three sequences, and what a model says of them alone."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.device = next(model.parameters()).device
        self.sequences = trial_sequences(model)
        with full_precision(model):
            self.alone = [logprobs_alone(model, ids) for ids in self.sequences]

    def is_right(self, way: Way) -> bool:
        """Whether decoding so says the same."""
        prompts = [ids[:-NUM_NEW] for ids in self.sequences]
        found: list[list[Tensor]] = [[] for _ in prompts]

        def take(rows: list[int], logits: Tensor) -> tuple[Tensor, list[bool]]:
            for row, said in zip(rows, logits.float().log_softmax(1), strict=True):
                found[row].append(said)
            tokens = [self.sequences[row][len(prompts[row]) + len(found[row]) - 1] for row in rows]
            return torch.tensor(tokens, device=self.device), [row != 1 and len(found[row]) < NUM_NEW for row in rows]

        with full_precision(self.model):
            decode(make_rows(way, self.model, prompts, NUM_NEW, self.device), take)
        starts = [len(prompt) - 1 for prompt in prompts]
        expected = [
            said[start : start + len(steps)] for said, start, steps in zip(self.alone, starts, found, strict=True)
        ]
        together = torch.cat([torch.stack(steps) for steps in found])
        return agree(together, torch.cat(expected), next(self.model.parameters()).dtype)


def full_precision(model: nn.Module) -> AbstractContextManager[Any]:
    """Without the caller's autocast, which weights of several types cannot do without."""
    if any(one.dtype in HALF for one in model.parameters()):
        return nullcontext()
    return torch.autocast(next(model.parameters()).device.type, enabled=False)


def trial_sequences(model: Any) -> list[list[int]]:
    """Prompts of PROMPT_LENGTHS with NUM_NEW tokens each; the padding's id is among them, as in any text."""
    config = unwrapped(model).config.get_text_config()
    vocab_size = unwrapped(model).get_input_embeddings().weight.shape[0]
    num_positions = getattr(config, "max_position_embeddings", None) or max(PROMPT_LENGTHS) + NUM_NEW
    lengths = [max(1, min(length, num_positions - NUM_NEW)) for length in PROMPT_LENGTHS]
    rows = [[(7 * place + 3 * row + 5) % vocab_size for place in range(length)] for row, length in enumerate(lengths)]
    padding = getattr(config, "pad_token_id", None)
    if isinstance(padding, int) and 0 <= padding < vocab_size:
        rows[0][len(rows[0]) // 2] = padding
    return [[*row, *[(11 * place + len(row)) % vocab_size for place in range(NUM_NEW)]] for row in rows]


def logprobs_alone(model: Any, ids: Sequence[int]) -> Tensor:
    """log softmax of what the model says at each position of one sequence, [L, V] fp32."""
    device = next(model.parameters()).device
    return model(input_ids=torch.tensor([ids], device=device), use_cache=False).logits[0].float().log_softmax(1)


def agree(found: Tensor, expected: Tensor, dtype: torch.dtype) -> bool:
    """Whether log-probabilities are the same, to the rounding of weights of this type."""
    found, expected = found.float(), expected.float()
    if dtype is torch.float32 or dtype is torch.float64:
        return torch.allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE)
    return bool((found - expected).abs().mean() <= LOW_PRECISION_TOLERANCE)
