"""Pass rates, and whether an environment still does what it did when its figures were pinned.

References cap every policy's figure: a rate means nothing without the references' rate in
the same environment beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rlaif.execution.verdict import Verdict

TOLERANCE = 0.02
"""How far below its pinned values an environment's references may fall without a warning."""


@dataclass(frozen=True)
class Rates:
    """How many verdicts there are of each status."""

    num_pass: int
    num_fault: int
    num_unknown_api: int
    num_inconclusive: int

    @property
    def num(self) -> int:
        return self.num_pass + self.num_fault + self.num_unknown_api + self.num_inconclusive

    @property
    def strict(self) -> float | None:
        """pass / n; None of nothing."""
        return self.num_pass / self.num if self.num else None

    @property
    def conditional(self) -> float | None:
        """pass / (pass + fault); None where no verdict is either."""
        told = self.num_pass + self.num_fault
        return self.num_pass / told if told else None


@dataclass(frozen=True)
class PinnedRates:
    """What an environment's references reached when it was measured."""

    strict: float
    conditional: float | None = None
    """None where it was not measured."""
    num: int = 0
    """References that it was measured on."""


PINNED = {
    ("stdlib", "mini"): PinnedRates(strict=1.0, conditional=1.0, num=552),
    ("torchhub", "torchhub"): PinnedRates(strict=0.909, num=186),
    ("tf2023", "tensorflow"): PinnedRates(strict=0.805, num=687),
    ("hf2023", "huggingface"): PinnedRates(strict=0.468, num=907),
}
"""By environment and data set (a hub of APIBench: its official evaluation set), at level tiny."""


def find_pinned(environment: str, data_set: str, num: int) -> PinnedRates | None:
    """The pinned rates of just these references, by their number; None where none were measured."""
    pinned = PINNED.get((environment, data_set))
    return pinned if pinned is not None and pinned.num == num else None


def rates_of(verdicts: Sequence[Verdict]) -> Rates:
    counts: Mapping[str, int] = {
        status: sum(verdict.status == status for verdict in verdicts)
        for status in ("pass", "fault", "unknown_api", "inconclusive")
    }
    return Rates(counts["pass"], counts["fault"], counts["unknown_api"], counts["inconclusive"])


def warning_about(environment: str, references: Rates, pinned: PinnedRates) -> str | None:
    """One line where the references fall more than two points below a pinned rate; None where they do not."""
    fallen = [
        f"{name} {100 * found:.1f}% against {100 * expected:.1f}%"
        for name, found, expected in (
            ("strict", references.strict, pinned.strict),
            ("conditional", references.conditional, pinned.conditional),
        )
        if found is not None and expected is not None and found < expected - TOLERANCE - 1e-9
    ]
    if not fallen:
        return None
    return (
        f"the references of {environment} pass less often than when the environment was measured"
        f" ({', '.join(fallen)}): something in it has changed, and other figures from it are too low as well"
    )
