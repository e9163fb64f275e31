"""How many different APIs a policy calls, and how evenly: what a retreat to a few safe calls lowers."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from rlaif.records import Evaluation


@dataclass(frozen=True)
class Diversity:
    """Over completions that call something; one that calls nothing has no API to count."""

    num: int
    """Completions that call an API."""
    distinct_apis: int
    api_entropy: float | None
    """In nats; None where nothing is called."""


def distinct_apis(evaluations: Sequence[Evaluation]) -> int:
    """How many different APIs the completions call. It grows with their number: see `compare`."""
    return len(_counts(evaluations))


def api_entropy(evaluations: Sequence[Evaluation]) -> float | None:
    """The entropy of the called APIs in nats: -sum p log p, with p an API's share of the calling completions.

    The plug-in (maximum-likelihood) estimate, too low by about (K - 1) / 2n for K APIs in n completions
    (Miller, 1955), so it too is to be compared at the same n only. None where nothing is called.
    """
    counts = _counts(evaluations)
    total = sum(counts.values())
    if not total:
        return None
    return math.fsum(count / total * math.log(total / count) for count in counts.values())


def diversity(evaluations: Sequence[Evaluation]) -> Diversity:
    return Diversity(sum(_counts(evaluations).values()), distinct_apis(evaluations), api_entropy(evaluations))


def compare(
    a: Sequence[Evaluation], b: Sequence[Evaluation], *, seed: int = 0
) -> tuple[Diversity, Diversity]:
    """Both rows' diversity on the same examples with the same number of completions of each.

    Of an example that one side answered more often than the other, as many completions as the other has are
    drawn by the seed; an example that one side lacks is left out.
    """
    sides = [_by_example(row) for row in (a, b)]
    shared = sorted(sides[0].keys() & sides[1].keys())
    smallest = {example: min(len(side[example]) for side in sides) for example in shared}
    generator = random.Random(seed)
    first, second = (
        [one for example in shared for one in generator.sample(side[example], smallest[example])] for side in sides
    )
    return diversity(first), diversity(second)


def _counts(evaluations: Sequence[Evaluation]) -> Counter[str]:
    return Counter(evaluation.api for evaluation in evaluations if evaluation.api is not None)


def _by_example(evaluations: Sequence[Evaluation]) -> dict[str, list[Evaluation]]:
    groups: dict[str, list[Evaluation]] = defaultdict(list)
    for evaluation in evaluations:
        groups[evaluation.example_id].append(evaluation)
    return groups
