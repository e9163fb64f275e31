"""How much a judge's preference depends on which of two samples it is shown first."""

from __future__ import annotations

from collections.abc import Sequence

from rlaif.records import Preference

NAMED_ABOVE = 0.05
"""A mean gap above 5 points is called a bias."""


def order_figures(preferences: Sequence[Preference]) -> dict[str, float | None]:
    """Over the preferences of which both orders could be read.

    `order_gap`: the mean of p(shown first, preferred) - p(shown second, preferred), in [-1, 1].
    `order_flip_rate`: the share in which the two orders prefer different samples.
    """
    read = [
        (one.p_first, one.order_gap) for one in preferences if one.p_first is not None and one.order_gap is not None
    ]
    if not read:
        return {"order_gap": None, "order_flip_rate": None}
    gap = sum(gap for _, gap in read) / len(read)
    flips = sum((p + gap / 2 - 0.5) * (p - gap / 2 - 0.5) < 0 for p, gap in read)
    return {"order_gap": gap, "order_flip_rate": flips / len(read)}


def bias_line(gap: float | None) -> str | None:
    """The bias as a line for people; None where there is none to speak of."""
    if gap is None or abs(gap) <= NAMED_ABOVE:
        return None
    place = "first" if gap > 0 else "second"
    return (
        f"the judge is biased by {abs(gap) * 100:.0f} points for what it is shown {place}; "
        "both orders were asked, and their mean is free of it"
    )
