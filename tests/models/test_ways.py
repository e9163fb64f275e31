"""How rows share a batch: tried, and refused where no way is right."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import GPT2LMHeadModel

from rlaif.errors import UserError
from rlaif.models.generation import decode_batch
from rlaif.models.rows import Way, select_rows
from rlaif.models.ways import way_of
from tests.rl.architectures import VOCAB_SIZE, gpt2


class CountsInItsCache(GPT2LMHeadModel):
    """An architecture that nobody tried: its second token onwards is off by something that no signature shows."""

    def forward(self, input_ids: Tensor, past_key_values: Any = None, **arguments: Any) -> Any:
        is_a_step = past_key_values is not None and past_key_values.get_seq_length() > 0
        if is_a_step and self.wrong_with_a_cache:
            input_ids = (input_ids + 1) % VOCAB_SIZE
        if len(input_ids) > 1 and self.wrong_in_batches:
            input_ids = input_ids.roll(1, 0)
        return super().forward(input_ids, past_key_values=past_key_values, **arguments)


def test_an_architecture_that_is_wrong_is_decoded_another_way_or_refused() -> None:
    model = untried(wrong_with_a_cache=True)
    assert way_of(model) is Way.recomputed
    prompt, answer = [5, 6, 7], decode_batch(
        model, [[5, 6, 7], [8]], eos_token_id=-1, max_new_tokens=4, choose=lambda logits, rows: logits.argmax(1)
    )[0]
    logits = model(input_ids=torch.tensor([[*prompt, *answer]]), use_cache=False).logits[0]
    assert logits[len(prompt) - 1 : -1].argmax(1).tolist() == answer

    with pytest.raises(UserError, match="CountsInItsCache cannot be sampled from"):
        way_of(untried(wrong_with_a_cache=True, wrong_in_batches=True))


def untried(*, wrong_with_a_cache: bool = False, wrong_in_batches: bool = False) -> CountsInItsCache:
    model = CountsInItsCache(gpt2().config).eval()
    model.wrong_with_a_cache, model.wrong_in_batches = wrong_with_a_cache, wrong_in_batches
    return model


def test_rows_are_selected_from_whatever_a_model_remembers() -> None:
    class Remembered:
        def __init__(self) -> None:
            self.states = [torch.arange(6.0).view(3, 2), None]
            self.by_layer = {0: (torch.arange(3), torch.tensor(7))}
            self.num_layers = 3

    kept = select_rows(Remembered(), torch.tensor([0, 2]), 3)
    assert kept.states[0].tolist() == [[0, 1], [4, 5]] and kept.states[1] is None
    assert kept.by_layer[0][0].tolist() == [0, 2] and kept.by_layer[0][1].item() == 7
    assert kept.num_layers == 3
