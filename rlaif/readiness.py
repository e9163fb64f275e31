"""What a run needs hours after its start, and what no stage makes: looked for before the first one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rlaif import runs
from rlaif.config import JudgeKind, TrainConfig
from rlaif.feedback.asking import build_transport
from rlaif.pipeline import Step


def require_judge(config: TrainConfig, steps: Sequence[Step]) -> None:
    """Raise UserError where a stage that is still to be made could not ask its judge: a model, a key or a file of
    answers is missing. Nothing is sent."""
    unfinished = {
        step.stage.name
        for step in steps
        if not runs.find(Path(config.runs_dir), step.stage.name, step.name, step.fingerprint).done
    }
    asks = "label" in unfinished or ("ppo" in unfinished and config.reward.terms.judge)
    if config.feedback.judge is JudgeKind.static or not asks:
        return
    build_transport(config.feedback).close()
