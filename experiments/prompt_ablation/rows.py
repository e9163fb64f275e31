"""A job of the ablation as a row of the table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rlaif.config import Precision
from rlaif.data.prompt import format_prompt
from rlaif.feedback.calibration import Estimate, calibrate
from rlaif.models.reward_model import RewardModel
from rlaif.runs import Run
from rlaif.stages import artifacts

TRUTH = "executability"


@dataclass(frozen=True)
class Row:
    """What one question set, strategy and rule for pairs came to. None: not measured."""

    name: str
    worth: dict[str, Estimate]
    """Of the score, against executability: coverage, kappa, auroc, ece, and the share of twos ordered rightly."""
    canaries: str
    num_requests: int
    num_tokens: int
    cost: float
    num_pairs: int
    pair_accuracy: float | None
    """Of the reward model on its own held-out pairs, so against this judge."""
    reward_auroc: Estimate
    """Of the reward model against execution, on the SFT policy's answers to the eval split: the same for all rows."""
    sft: Estimate
    policy: Estimate
    """Executability of the final policy on the eval split."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def row_of(name: str, runs: Mapping[str, Run]) -> Row:
    """Read a finished job's runs; only the reward model's scores are computed here."""
    report = json.loads((runs["calibrate"].directory / "calibration.json").read_text(encoding="utf-8"))
    part = report["truths"].get(TRUTH) or report["truths"]["ast_match"]
    worth = {key: Estimate(**value) for key, value in part["overall"]["figures"].items()}
    label, canaries = runs["label"].metrics, report["canaries"]
    return Row(
        name,
        {**worth, "ordering": Estimate(**part["ordering"])},
        f"{canaries['num_through']}/{canaries['num']}" if canaries else "-",
        label["num_requests"],
        label["num_input_tokens"] + label["num_output_tokens"],
        label["cost"],
        runs["pair"].metrics["num_pairs"],
        runs["reward"].metrics["pair_accuracy"],
        reward_auroc(runs),
        executability(runs["evaluate_sft"]),
        executability(runs["evaluate_rl"]),
    )


def executability(run: Run) -> Estimate:
    metrics = run.metrics
    return Estimate(*(metrics[key] for key in ("executability", "executability_low", "executability_high")))


def reward_auroc(runs: Mapping[str, Run]) -> Estimate:
    """Whether the reward model puts programs that run above those that do not."""
    evaluations = {one.sample_id: one for one in artifacts.read_evaluations(runs["evaluate_sft"])}
    examples = {one.id: one for one in artifacts.read_examples(runs["data"], "eval")}
    ran = {"pass": 1.0, "fault": 0.0, "unknown_api": 0.0}
    samples = [one for one in artifacts.read_samples(runs["evaluate_sft"]) if evaluations[one.id].verdict in ran]
    if not samples:
        return Estimate(None, None, None)
    model = RewardModel.load(runs["reward"].directory / artifacts.REWARD_MODEL)
    texts = [(format_prompt(examples[one.example_id].instruction), one.text) for one in samples]
    scores = model.score(texts, precision=Precision.fp32)
    truth = [ran[evaluations[one.id].verdict] for one in samples]
    return calibrate(scores, truth, [one.example_id for one in samples]).figures["auroc"]


def render_markdown(rows: Sequence[Row], overrides: Sequence[str]) -> str:
    """One line a job, each figure with its 95% interval."""
    header = [
        "questions / rule", "coverage", "kappa", "AUROC", "ECE", "ordering", "canaries through", "calls", "tokens",
        "dollars", "pairs", "reward model, own pairs", "reward model, AUROC", "SFT", "RLAIF",
    ]  # fmt: skip
    lines = ["| " + " | ".join(header) + " |", "|---|" + "---:|" * (len(header) - 1)]
    for row in rows:
        worth = [cell(row.worth.get(key)) for key in ("coverage", "kappa", "auroc", "ece", "ordering")]
        cells = [
            row.name, *worth, row.canaries, f"{row.num_requests:,}", f"{row.num_tokens:,}", f"{row.cost:.4f}",
            f"{row.num_pairs:,}", "-" if row.pair_accuracy is None else f"{row.pair_accuracy:.3f}",
            cell(row.reward_auroc), cell(row.sft), cell(row.policy),
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    note = (
        "Judge and reward model's AUROC: against execution. SFT, RLAIF: executability on the eval split. Brackets: 95% "
        "bootstrap over examples; of one seed a row, so without what another training would give."
    )
    return "\n".join([*lines, "", note, f"Overrides: `{' '.join(overrides)}`.", ""])


def cell(estimate: Estimate | None) -> str:
    if estimate is None or estimate.value is None:
        return "-"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
