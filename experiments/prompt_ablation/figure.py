"""The ablation as one figure: a row a job, and a column each for worth, cost, reward model and policy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.prompt_ablation.rows import Row
from rlaif.feedback.calibration import Estimate


def draw(rows: Sequence[Row], path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 1.6 + 0.45 * len(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 4, sharey=True)
    dots(axes[0], [row.worth.get("kappa") for row in rows], "C0", "kappa")
    dots(axes[0], [row.worth.get("ordering") for row in rows], "C1", "ordering", shift=0.2)
    axes[0].legend(frameon=False)
    axes[0].set_title("judge against execution")
    axes[1].barh(range(len(rows)), [row.num_tokens for row in rows], color="C7")
    axes[1].set_title("tokens of the judge")
    dots(axes[2], [row.reward_auroc for row in rows], "C0", "AUROC")
    axes[2].set_title("reward model: AUROC against execution")
    dots(axes[3], [row.sft for row in rows], "C7", "SFT", shift=0.2)
    dots(axes[3], [row.policy for row in rows], "C0", "RLAIF")
    axes[3].legend(frameon=False)
    axes[3].set_title("executability of the policy")
    axes[0].set_yticks(range(len(rows)), [row.name for row in rows])
    axes[0].invert_yaxis()
    figure.savefig(path, dpi=110)


def dots(axes: Any, estimates: Sequence[Estimate | None], colour: str, label: str, shift: float = 0.0) -> None:
    """A point with its interval in each row that has one."""
    known = [(at + shift, one) for at, one in enumerate(estimates) if one is not None and one.value is not None]
    values = [one.value or 0.0 for _, one in known]
    low = [max(0.0, (one.value or 0.0) - (one.low or 0.0)) for _, one in known]
    high = [max(0.0, (one.high or 0.0) - (one.value or 0.0)) for _, one in known]
    axes.errorbar(values, [at for at, _ in known], xerr=[low, high], fmt="o", color=colour, capsize=2, label=label)
