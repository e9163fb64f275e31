"""Weights & Biases as a view of the run files: the only importer of wandb.

One W&B run a job, figures named `stage/metric` over `stage/step`. The files in runs/ are
the source: nothing is read back from W&B, and a job does not fail because W&B did.
What a stage leaves under `shown/` in its folder is shown too, whether the stage ran in this
job or was reused: pictures (.png), figures (.svg), tables (.table.json), and report.html beside it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rlaif.config import TrackingConfig, TrackingMode
from rlaif.errors import UserError
from rlaif.runs import Run

Cell = str | float | int | None

SHOWN = "shown"
MAX_PAGE_BYTES = 8_000_000
"""A longer report stays a file of the run: W&B's own page would take long to open it."""


class Tracker:
    """A job's tracker; every method does nothing where tracking is off."""

    def __init__(self, config: TrackingConfig, name: str, resolved: Any, directory: Path) -> None:
        self.config = config
        self._live: set[str] = set()
        self._wandb: Any = None
        if config.mode is TrackingMode.none:
            return
        import wandb

        os.environ.setdefault("WANDB_SILENT", "true")
        directory.mkdir(parents=True, exist_ok=True)
        try:
            self._wandb = wandb.init(
                project=config.project, entity=config.entity, group=config.group, tags=list(config.tags),
                name=name, config=resolved, dir=str(directory), mode=config.mode.value,
                settings=wandb.Settings(console="off", x_disable_stats=True, x_disable_meta=True),
            )  # fmt: skip
        except (wandb.errors.Error, ValueError) as error:  # ValueError: what W&B's settings do not allow
            raise UserError(
                f"tracking={config.name}: W&B could not start: {' '.join(str(error).split())[:300]}; "
                "tracking=offline or tracking=none needs no account"
            ) from None

    @property
    def directory(self) -> Path | None:
        """Where this job's offline files lie, to be synced by `wandb sync`."""
        return Path(self._wandb.dir).parent if self._wandb else None

    def log(self, stage: str, step: int, metrics: Mapping[str, Cell]) -> None:
        """One step's figures, as they come."""
        if not self._wandb:
            return
        if stage not in self._live:
            self._wandb.define_metric(f"{stage}/step")
            self._wandb.define_metric(f"{stage}/*", step_metric=f"{stage}/step")
            self._live.add(stage)
        named = {key if "/" in key else f"{stage}/{key}": value for key, value in metrics.items()}
        self._wandb.log({f"{stage}/step": step, **named})

    def table(self, key: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """A sample table, cut to `tracking.num_table_rows` rows."""
        if not self._wandb:
            return
        import wandb

        shown = [list(row) for row in rows[: self.config.num_table_rows]]
        self._wandb.log({key: wandb.Table(columns=list(columns), data=shown)})

    def finish_stage(self, stage: str, run: Run) -> None:
        """A stage's final figures; a reused stage's curve is shown from its file."""
        if not self._wandb:
            return
        if stage not in self._live:
            for row in run.history():
                self.log(stage, row.pop("step"), row)
        self._wandb.summary.update({f"{stage}/{key}": value for key, value in run.metrics.items()})
        media = {f"{stage}/{name}": one for name, one in self._shown(run.directory).items()}
        if media:
            self._wandb.log(media)

    def _shown(self, directory: Path) -> dict[str, Any]:
        """What a stage left to be looked at, as W&B's media, by name."""
        import wandb

        media: dict[str, Any] = {}
        for path in sorted((directory / SHOWN).glob("*")):
            name = path.name.partition(".")[0]
            if path.name.endswith(".table.json"):
                media[name] = wandb.Table(**json.loads(path.read_text(encoding="utf-8")), allow_mixed_types=True)
            elif path.suffix == ".png":
                media[name] = wandb.Image(str(path))
            elif path.suffix == ".svg":
                media[name] = wandb.Html(path.read_text(encoding="utf-8"), inject=False)
        page = directory / "report.html"
        if page.exists() and page.stat().st_size <= MAX_PAGE_BYTES:
            media["page"] = wandb.Html(page.read_text(encoding="utf-8"), inject=False)
        return media

    def close(self, failed: bool = False) -> None:
        if self._wandb:
            self._wandb.finish(exit_code=int(failed))


def table_file(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """A table as `finish_stage` reads it from `shown/<name>.table.json`."""
    return json.dumps({"columns": list(columns), "data": [list(row) for row in rows]}, indent=1) + "\n"


def first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
