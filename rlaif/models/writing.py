"""Disks that are full, and other reasons why a model cannot be written."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from rlaif.errors import UserError

OF_TORCH_SAVE = ("PytorchStreamWriter", "inline_container", "iostream")
"""In the message of a RuntimeError where `torch.save` could not write."""


@contextmanager
def writing_to(target: Path, *, partial: Path | None = None) -> Iterator[None]:
    """What cannot be written inside is a UserError of one line that names `target`.

    Args:
        partial: a folder that is half written then, and removed.
    """
    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not any(word in str(error) for word in OF_TORCH_SAVE):
            raise
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)
        reason = getattr(error, "strerror", None) or next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise UserError(
            f"{target}: cannot be written ({reason}); what was written before is kept: make room, and resume"
        ) from error
