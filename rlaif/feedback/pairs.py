"""Scores to preferences: within an example, the completion with the higher score is the chosen one.

The paper's rule for pairs was not published; this one is ours: every two completions of an
example whose scores differ by at least `min_margin`, the largest differences first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from rlaif.config import PairConfig
from rlaif.data.prompt import format_target
from rlaif.records import Example, Label, Pair, Sample

ROUNDING = 1e-9
"""Scores are sums of a few floats; a margin this little below the minimum still reaches it."""


@dataclass(frozen=True)
class PairReport:
    """The pairs, and where the others went."""

    pairs: list[Pair]
    num_ties: int
    """Twos whose scores differ by less than the minimum."""
    num_over_limit: int
    """Twos beyond `max_per_example`."""
    num_unlabelled: int
    """Samples without a score."""
    num_duplicates: int
    """Samples whose text another sample of the example has."""
    num_examples: int
    """Examples that gave at least one pair."""


def reference_sample(example: Example) -> Sample:
    """The reference as a sample, so that it is judged, scored and paired like any other."""
    return Sample(
        id=f"{example.id}/reference",
        example_id=example.id,
        text=format_target(example.reference),
        policy="reference",
        seed=0,
        finish_reason="stop",
    )


def make_pairs(samples: Sequence[Sample], labels: Sequence[Label], config: PairConfig) -> PairReport:
    """Pair the samples of each example by score. Deterministic: ties in margin go by sample id.

    Args:
        samples: Of any number of examples; those of policy "reference" only count with
            `config.with_reference`.
    """
    scores = {label.sample_id: label.score for label in labels}
    wanted = [sample for sample in samples if config.with_reference or sample.policy != "reference"]
    labelled = [sample for sample in wanted if scores.get(sample.id) is not None]
    unique = _without_duplicates(labelled)
    by_example: dict[str, list[Sample]] = {}
    for sample in unique:
        by_example.setdefault(sample.example_id, []).append(sample)

    pairs: list[Pair] = []
    num_ties = num_over_limit = num_examples = 0
    for group in by_example.values():
        candidates = [_pair(one, other, scores) for one, other in combinations(group, 2)]
        clear = [pair for pair in candidates if _is_clear(pair, config.min_margin)]
        clear.sort(key=lambda pair: (-pair.margin, pair.chosen_id, pair.rejected_id))
        kept = clear[: config.max_per_example]
        pairs += kept
        num_ties += len(candidates) - len(clear)
        num_over_limit += len(clear) - len(kept)
        num_examples += bool(kept)
    return PairReport(
        pairs=pairs,
        num_ties=num_ties,
        num_over_limit=num_over_limit,
        num_unlabelled=len(wanted) - len(labelled),
        num_duplicates=len(labelled) - len(unique),
        num_examples=num_examples,
    )


def _without_duplicates(samples: Sequence[Sample]) -> list[Sample]:
    """The first sample of each text within an example."""
    first: dict[tuple[str, str], Sample] = {}
    for sample in samples:
        first.setdefault((sample.example_id, sample.text.strip()), sample)
    return list(first.values())


def _pair(one: Sample, other: Sample, scores: Mapping[str, float | None]) -> Pair:
    margin = (scores[one.id] or 0.0) - (scores[other.id] or 0.0)
    chosen, rejected = (one, other) if margin >= 0 else (other, one)
    return Pair(one.example_id, chosen.id, rejected.id, chosen.text, rejected.text, abs(margin))


def _is_clear(pair: Pair, min_margin: float) -> bool:
    return pair.margin > ROUNDING and pair.margin >= min_margin - ROUNDING
