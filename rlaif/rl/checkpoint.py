"""A run's checkpoints on disk: `<output_dir>/checkpoint-<rollouts done>`, each whole or not there.

A folder holds the trainer's state and, in `policy/`, the policy as `from_pretrained` reads it:
with LoRA the adapter.
"""

from __future__ import annotations

import os
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from rlaif.errors import UserError

STATE, POLICY = "trainer.pt", "policy"
_NAME = re.compile(r"checkpoint-(\d+)")


def write_checkpoint(
    output_dir: Path, step: int, state: dict[str, Any], save_policy: Callable[[Path], None], keep: int | None
) -> Path:
    """Write, sync, rename: a kill at any point leaves former checkpoints and no half one.

    Args:
        save_policy: writes the policy into a folder.
        keep: how many of the newest stay; None: all.
    """
    target = output_dir / f"checkpoint-{step}"
    partial = output_dir / f"checkpoint-{step}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    save_policy(partial / POLICY)
    with (partial / STATE).open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)
    for old in checkpoints(output_dir)[: -keep if keep is not None else 0]:
        shutil.rmtree(old, ignore_errors=True)
    return target


def checkpoints(output_dir: Path) -> list[Path]:
    """From the oldest to the newest."""
    if not output_dir.is_dir():
        return []
    named = ((_NAME.fullmatch(path.name), path) for path in output_dir.iterdir())
    return [path for _, path in sorted((int(name[1]), path) for name, path in named if name)]


def find_checkpoint(resume_from_checkpoint: bool | str | Path, output_dir: str | None) -> Path:
    """The checkpoint that is meant: True is the newest of the output_dir. UserError where there is none."""
    if resume_from_checkpoint is not True:
        return Path(str(resume_from_checkpoint))
    if output_dir is None:
        raise UserError("resume_from_checkpoint=True needs an output_dir; else give a checkpoint's path")
    found = checkpoints(Path(output_dir))
    if not found:
        raise UserError(f"{output_dir}: no checkpoint to resume from")
    return found[-1]


def read_checkpoint(directory: Path) -> dict[str, Any]:
    """The state in a checkpoint; tensors on the CPU. UserError where there is none or it cannot be read."""
    path = directory / STATE
    if not path.exists():
        raise UserError(f"{path}: no checkpoint to resume from")
    if not zipfile.is_zipfile(path):
        raise UserError(f"{path}: not a readable checkpoint; remove it to start anew")
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state
