"""Mean and variance of a stream of numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor


@dataclass
class RunningMoments:
    """Of all numbers added so far (Chan et al. 1983, "Algorithms for computing the sample variance")."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    """Sum of squared deviations from the mean."""

    def add(self, values: Tensor) -> None:
        """[n] more numbers."""
        values = values.double()
        count, mean = values.numel(), values.mean().item()
        gap, total = mean - self.mean, self.count + count
        self.squares += ((values - mean) ** 2).sum().item() + gap**2 * self.count * count / total
        self.mean += gap * count / total
        self.count = total

    @property
    def std(self) -> float:
        """Population standard deviation; 1 where the numbers do not vary, so that it can divide."""
        variance = self.squares / self.count if self.count else 0.0
        return variance**0.5 if variance > 1e-16 else 1.0

    def state_dict(self) -> dict[str, Any]:
        return asdict(self)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.count, self.mean, self.squares = state["count"], state["mean"], state["squares"]
