from __future__ import annotations

from rlaif.models.padding import batches_of_like_length


def test_batches_hold_little_padding() -> None:
    lengths = [3, 40, 39, 38, 20, 20, 19, 1, 1, 1]
    batches = list(batches_of_like_length(lengths, batch_size=2))
    assert batches == [[1, 2], [3], [4, 5], [6], [0], [7, 8], [9]]
    whole = list(batches_of_like_length(lengths, batch_size=32))
    assert whole == [[1, 2, 3], [4, 5, 6], [0], [7, 8, 9]]
    assert list(batches_of_like_length([], 4)) == []
