"""A run's checkpoints on disk: `<output_dir>/checkpoint-<rollouts done>`, each whole or not there.

A folder holds the trainer's state, in `policy/` the policy as `from_pretrained` reads it (with LoRA the adapter), and
in `checkpoint.json` when it was written and which checkpoints the run had written by then.

A run deletes what it wrote itself, or what the run wrote that it resumes. Other runs and tools may have written folders
of the same form into the same `output_dir`: these stay, under another name where the run has to write one of theirs.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from rlaif.errors import UserError
from rlaif.models.writing import writing_to

logger = logging.getLogger(__name__)

STATE, POLICY, RECORD = "trainer.pt", "policy", "checkpoint.json"
_NAME = re.compile(r"checkpoint-(\d+)")


def write_checkpoint(
    output_dir: Path,
    step: int,
    state: dict[str, Any],
    save_policy: Callable[[Path], None],
    keep: int | None,
    own: Sequence[str] = (),
) -> list[str]:
    """Write, sync, rename: a kill at any point, or a disk that is full, leaves former checkpoints and no half one.

    Args:
        save_policy: writes the policy into a folder.
        keep: how many of the run's newest stay; None: all.
        own: names of the checkpoints that the run has written.

    Returns:
        The names of the run's checkpoints that are there now, from the oldest.

    Raises:
        UserError: it cannot be written.
    """
    target = output_dir / f"checkpoint-{step}"
    written = [*(name for name in own if name != target.name), target.name]
    partial = output_dir / f"{target.name}.partial"
    with writing_to(target, partial=partial):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        save_policy(partial / POLICY)
        with (partial / STATE).open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        (partial / RECORD).write_text(json.dumps({"time": time.time(), "checkpoints": written}), encoding="utf-8")
        if target.name in own:
            shutil.rmtree(target, ignore_errors=True)
        elif target.exists():
            put_aside(target)
        partial.rename(target)
    surplus = written[:-keep] if keep is not None else []
    for name in surplus:
        shutil.rmtree(output_dir / name, ignore_errors=True)
    return [name for name in written if name not in surplus]


def put_aside(target: Path) -> None:
    """Give another's folder a name that nobody takes for a checkpoint."""
    names = (f"{target.name}.before{f'-{number}' if number > 1 else ''}" for number in range(1, 10_000))
    aside = next(path for name in names if not (path := target.with_name(name)).exists())
    target.rename(aside)
    logger.warning("%s was there before this run, and is now %s", target, aside.name)


def checkpoints(output_dir: Path) -> list[Path]:
    """All of PPO's, whichever run wrote them, in the order in which they were written."""
    if not output_dir.is_dir():
        return []
    named = [path for path in output_dir.iterdir() if _NAME.fullmatch(path.name) and (path / STATE).exists()]
    return sorted(named, key=lambda path: (time_of(path), int(path.name.rpartition("-")[2])))


def time_of(checkpoint: Path) -> float:
    """When it was written; for one without a record, when its file was."""
    return float(record_of(checkpoint).get("time", (checkpoint / STATE).stat().st_mtime))


def own_names(checkpoint: Path) -> list[str]:
    """The checkpoints that the run which wrote this one had written, itself included, as far as they are there."""
    names = record_of(checkpoint).get("checkpoints", [checkpoint.name])
    return [name for name in names if (checkpoint.parent / name / STATE).exists()]


def record_of(checkpoint: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads((checkpoint / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record


def find_checkpoint(resume_from_checkpoint: bool | str | Path, output_dir: str | None) -> Path:
    """The checkpoint that is meant: True is the one last written to output_dir. UserError where there is none."""
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


def require_writable(output_dir: Path) -> None:
    """UserError where the folder cannot be made or written to."""
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"output_dir={output_dir}: cannot be made: {error.strerror}") from None
    if not os.access(output_dir, os.W_OK | os.X_OK):
        raise UserError(f"output_dir={output_dir}: cannot be written to")
