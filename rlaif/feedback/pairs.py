"""Feedback to pairs: within an example, the completion that the judge finds better is the chosen one.

The paper's rule for pairs was not published. These are ours, but for the length balance:

- margin: two completions whose scores differ by at least `min_margin`, the largest differences first,
  `max_per_example` of them;
- best_worst: the one with the largest difference;
- all: every two with a difference at all, without a limit;
- claim_gap: as margin, then pairs are left out until chosen and rejected are equally long on average, within
  `max_length_gap` characters (RLAIF-V, arXiv 2405.17220, balances lengths so that longer is not better).

Where the judge compared completions, the difference is how far its probability is from a half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from rlaif.config import PairConfig, PairRule
from rlaif.data.prompt import format_target
from rlaif.records import Example, Label, Pair, Preference, Sample

ROUNDING = 1e-9
"""Scores are sums of a few floats; a margin this little below the minimum still reaches it."""


@dataclass(frozen=True)
class PairReport:
    """The pairs, and where the others went."""

    pairs: list[Pair]
    num_ties: int
    """Twos whose scores differ by less than the minimum."""
    num_over_limit: int
    """Twos beyond what the rule takes of one example."""
    num_unlabelled: int
    """Samples without a score; of comparisons, those that could not be read."""
    num_duplicates: int
    """Samples whose text another sample of the example has."""
    num_examples: int
    """Examples that gave at least one pair."""
    num_unbalanced: int = 0
    """Pairs left out to balance the lengths."""


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
    candidates = [
        _pair(one, other, (scores[one.id] or 0.0) - (scores[other.id] or 0.0))
        for group in by_example.values()
        for one, other in combinations(group, 2)
    ]
    return _choose(candidates, config, len(wanted) - len(labelled), len(labelled) - len(unique))


def pairs_from_preferences(
    samples: Sequence[Sample], preferences: Sequence[Preference], config: PairConfig
) -> PairReport:
    """The pairs that a judge compared, with its probability as soft label where `config.soft_labels`.

    Args:
        samples: Those that may be paired; a preference about another one (a reference, without
            `config.with_reference`) is passed over.
    """
    known = {sample.id: sample for sample in samples if config.with_reference or sample.policy != "reference"}
    wanted = [one for one in preferences if one.first_id in known and one.second_id in known]
    candidates = []
    for one in wanted:
        if one.p_first is not None:
            p_chosen = max(one.p_first, 1 - one.p_first) if config.soft_labels else 1.0
            candidates.append(_pair(known[one.first_id], known[one.second_id], one.p_first - 0.5, p_chosen))
    num_duplicates = len(known) - len(_without_duplicates(list(known.values())))
    return _choose(candidates, config, len(wanted) - len(candidates), num_duplicates)


def _choose(candidates: Sequence[Pair], config: PairConfig, num_unlabelled: int, num_duplicates: int) -> PairReport:
    """Apply the rule to every two of each example."""
    by_example: dict[str, list[Pair]] = {}
    for pair in candidates:
        by_example.setdefault(pair.example_id, []).append(pair)
    min_margin = 0.0 if config.rule is PairRule.all else config.min_margin
    limits = {PairRule.all: None, PairRule.best_worst: 1}
    limit = limits.get(config.rule, config.max_per_example)
    pairs: list[Pair] = []
    num_ties = num_over_limit = 0
    for group in by_example.values():
        clear = [pair for pair in group if _is_clear(pair, min_margin)]
        clear.sort(key=lambda pair: (-pair.margin, pair.chosen_id, pair.rejected_id))
        kept = clear[:limit]
        pairs += kept
        num_ties += len(group) - len(clear)
        num_over_limit += len(clear) - len(kept)
    balanced = balance_lengths(pairs, config.max_length_gap) if config.rule is PairRule.claim_gap else pairs
    return PairReport(
        pairs=balanced,
        num_ties=num_ties,
        num_over_limit=num_over_limit,
        num_unlabelled=num_unlabelled,
        num_duplicates=num_duplicates,
        num_examples=len({pair.example_id for pair in balanced}),
        num_unbalanced=len(pairs) - len(balanced),
    )


def balance_lengths(pairs: Sequence[Pair], max_gap: float) -> list[Pair]:
    """Leave out pairs until chosen and rejected differ by at most `max_gap` characters on average.

    The pairs that tip the balance most go first; among equals, those with the smaller margin.
    """
    gaps = {index: length_gap(pair) for index, pair in enumerate(pairs)}
    longer_chosen = sorted(gaps, key=lambda index: (gaps[index], -pairs[index].margin, -index))
    longer_rejected = sorted(gaps, key=lambda index: (-gaps[index], -pairs[index].margin, -index))
    total = sum(gaps.values())
    while gaps and abs(total) > max_gap * len(gaps):
        order = longer_chosen if total > 0 else longer_rejected
        index = order.pop()
        if index in gaps:
            total -= gaps.pop(index)
    return [pair for index, pair in enumerate(pairs) if index in gaps]


def length_gap(pair: Pair) -> int:
    """Characters by which the chosen one is longer."""
    return len(pair.chosen) - len(pair.rejected)


def _without_duplicates(samples: Sequence[Sample]) -> list[Sample]:
    """The first sample of each text within an example."""
    first: dict[tuple[str, str], Sample] = {}
    for sample in samples:
        first.setdefault((sample.example_id, sample.text.strip()), sample)
    return list(first.values())


def _pair(one: Sample, other: Sample, margin: float, p_chosen: float = 1.0) -> Pair:
    chosen, rejected = (one, other) if margin >= 0 else (other, one)
    return Pair(one.example_id, chosen.id, rejected.id, chosen.text, rejected.text, abs(margin), p_chosen)


def _is_clear(pair: Pair, min_margin: float) -> bool:
    return pair.margin > ROUNDING and pair.margin >= min_margin - ROUNDING
