"""How many calls an endpoint is given at once: more while it answers, half as soon as it says that it is too many."""

from __future__ import annotations


class Limit:
    """Additive increase, multiplicative decrease, between 1 and `most`.

    Starts at `most`. The calls that were under way when the limit was halved fail for the same reason, so that
    within `settle_s` of a halving no other one follows.
    """

    def __init__(self, most: int, settle_s: float = 1.0) -> None:
        self.most, self.settle_s = most, settle_s
        self.lowest = most
        self._value = float(most)
        self._halved_at = float("-inf")

    @property
    def value(self) -> int:
        return int(self._value)

    def succeeded(self) -> None:
        """A call was answered: one more at once for every `value` of them."""
        self._value = min(float(self.most), self._value + 1.0 / self._value)

    def slow_down(self, now: float) -> None:
        """A 429, a 503 or a time-out, at a time in seconds."""
        if now - self._halved_at >= self.settle_s:
            self._halved_at = now
            self._value = max(1.0, self._value / 2)
            self.lowest = min(self.lowest, self.value)
