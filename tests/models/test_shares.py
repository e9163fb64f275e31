"""What the processes do of a batch adds up to what one process does of it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from rlaif.models.policy import Policy
from rlaif.models.reward_training import PairGroup
from rlaif.models.reward_training import collate_share as share_of_pairs
from rlaif.models.shares import Shares
from rlaif.models.supervised import IGNORED, TrainingText, collate, collate_share, completion_loss

TEXTS = [TrainingText((1, 2, 3, 4, 5), 2), TrainingText((2, 4), 1), TrainingText((7, 3, 3, 1), 1)]
GROUPS = [
    PairGroup(((1, 2), (3, 4), (5, 6)), ((0, 1), (0, 2), (2, 1)), (1.0, 0.5, 0.75)),
    PairGroup(((1, 2), (3, 4)), ((1, 0),), (1.0,)),
    PairGroup(((1, 2), (7, 4)), ((0, 1), (1, 0)), (1.0, 0.75)),
]


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_texts_are_learnt_once_by_however_many(count: int) -> None:
    """The sums of −log p over the processes' tokens, more processes than texts among them, are the batch's."""
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=9, n_embd=8, n_layer=1, n_head=1, n_positions=8)).eval()

    def total(batch: Any) -> torch.Tensor:
        logits = model(input_ids=batch["input_ids"]).logits[:, :-1]
        return torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), batch["labels"][:, 1:].flatten(), ignore_index=IGNORED, reduction="sum"
        )

    whole = total(collate(TEXTS, 0))
    parts = [collate_share(TEXTS, Shares(index, count), 0) for index in range(count)]
    assert sum(map(total, parts)).item() == pytest.approx(whole.item(), rel=1e-6)
    assert sum(int((part["labels"] != IGNORED).sum()) for part in parts) == 3 + 1 + 3


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_the_mean_of_the_processes_losses_is_that_over_all_pairs(count: int) -> None:
    """Groups have 3, 1 and 2 pairs, so that a plain mean of means would be another."""
    gaps = torch.randn(20, generator=torch.Generator().manual_seed(0))

    def loss(batch: Any) -> float:
        """A loss of each pair that its tokens decide, as a mean over the batch's pairs."""
        score = gaps[batch["input_ids"].sum(1)]
        gap = score[batch["chosen"]] - score[batch["rejected"]]
        return float(batch["weight"] * (gap * batch["p_chosen"]).mean())

    whole = loss(share_of_pairs(GROUPS, Shares(), 0))
    parts = [loss(share_of_pairs(GROUPS, Shares(index, count), 0)) for index in range(count)]
    assert sum(parts) / count == pytest.approx(whole, abs=1e-6)


def test_each_process_validates_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    model: Any = GPT2LMHeadModel(GPT2Config(vocab_size=9, n_embd=8, n_layer=1, n_head=1, n_positions=8)).eval()
    tokenizer: Any = type("Tokenizer", (), {"pad_token_id": 0})
    policy = Policy(model, tokenizer)
    expected = completion_loss(policy, TEXTS, 3)
    summed: list[Any] = []
    monkeypatch.setattr(Shares, "sum", lambda self, numbers: summed.append(numbers) or numbers)
    for index in range(2):
        completion_loss(policy, TEXTS, 1, Shares(index, 2))
    loss, tokens = (sum(column) for column in zip(*summed, strict=True))
    assert [one[1] for one in summed] == [3 + 1, 3]
    assert loss / tokens == pytest.approx(expected, rel=1e-6)
