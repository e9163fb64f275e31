"""A trainer's state on disk: one file, replaced as a whole."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import torch

from rlaif.errors import UserError

FILE_NAME = "checkpoint.pt"


def has_checkpoint(directory: Path) -> bool:
    return (directory / FILE_NAME).exists()


def write_checkpoint(directory: Path, state: dict[str, Any]) -> None:
    """Write, sync, rename: a kill at any point leaves the former checkpoint or the new one."""
    directory.mkdir(parents=True, exist_ok=True)
    partial = directory / (FILE_NAME + ".partial")
    with partial.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(directory / FILE_NAME)


def read_checkpoint(directory: Path) -> dict[str, Any]:
    """The last state written; tensors on the CPU. UserError where there is none or it cannot be read."""
    path = directory / FILE_NAME
    if not path.exists():
        raise UserError(f"{path}: no checkpoint to resume from")
    if not zipfile.is_zipfile(path):
        raise UserError(f"{path}: not a readable checkpoint; remove it to start anew")
    return torch.load(path, map_location="cpu", weights_only=True)
