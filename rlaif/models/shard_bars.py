"""transformers' progress bars for reading and writing weights: noise beside a stage's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_shard_bars() -> Iterator[None]:
    """transformers' progress bars for reading and writing weights are off inside."""
    from transformers.utils import logging

    was_enabled = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_enabled:
            logging.enable_progress_bar()
