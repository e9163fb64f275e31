"""Which sequences go through the model together."""

from __future__ import annotations

import pytest
import torch

from rlaif.rl.micro_batches import micro_batches

LENGTHS = torch.tensor([9, 2, 5, 2, 7, 1])


def as_lists(**settings: int | None) -> list[tuple[list[int], int]]:
    parts = micro_batches(torch.arange(6), LENGTHS, **{"max_rows": 6, **settings})  # type: ignore[arg-type]
    return [(rows.tolist(), longest) for rows, longest in parts]


def test_like_lengths_go_together() -> None:
    assert as_lists(max_rows=2) == [([5, 1], 2), ([3, 2], 5), ([4, 0], 9)]
    assert as_lists(max_rows=4) == [([5, 1, 3, 2], 5), ([4, 0], 9)]


def test_a_budget_counts_padding() -> None:
    assert as_lists(max_tokens=10) == [([5, 1, 3], 2), ([2], 5), ([4], 7), ([0], 9)]
    assert as_lists(max_tokens=6) == [([5, 1, 3], 2), ([2], 5), ([4], 7), ([0], 9)]  # too long ones are alone
    assert as_lists(max_tokens=18) == [([5, 1, 3], 2), ([2, 4], 7), ([0], 9)]


@pytest.mark.parametrize("num_shares", [1, 2, 3, 6, 8])
def test_every_process_gets_work_where_there_is_enough(num_shares: int) -> None:
    parts = as_lists(num_shares=num_shares)
    assert len(parts) >= min(num_shares, 6)
    assert sorted(row for rows, _ in parts for row in rows) == list(range(6))


def test_only_the_given_rows() -> None:
    parts = micro_batches(torch.tensor([4, 1]), LENGTHS, 2)
    assert [(part.rows.tolist(), part.longest) for part in parts] == [([1, 4], 7)]
    assert micro_batches(torch.tensor([], dtype=torch.long), LENGTHS, 2) == []
