"""Best of n: of the labelled samples of a prompt, the one that the judge finds best.

What rejection-sampling fine-tuning trains on (Dong et al., RAFT, arXiv 2304.06767; Yuan et al., arXiv 2308.01825). The
judge's labels are those that the reward model's pairs are made of: the same number of the same labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rlaif.feedback.pairs import ROUNDING
from rlaif.records import Label, Preference, Sample


@dataclass(frozen=True)
class BestOfN:
    """One sample for each prompt that has a usable one, and where the others went."""

    chosen: list[Sample]
    num_prompts: int
    num_without: int
    """Prompts that gave nothing: every sample unlabelled or cut off."""
    num_tied: int
    """Prompts whose best score two or more different texts share; the first sampled one stands for them."""
    num_all_equal: int
    """Of these, prompts where the judge prefers no sample to any other: what is chosen is just a sample."""
    num_unlabelled: int
    """Samples without a readable score: neither good nor bad, and not chosen."""
    num_cut_off: int
    """Samples that ran into the length limit: not chosen, as no one should learn to stop there."""


def best_of_n(samples: Sequence[Sample], labels: Sequence[Label], preferences: Sequence[Preference]) -> BestOfN:
    """Choose per prompt, in the order of the samples.

    Args:
        samples: The policy's own; a reference among them would always be a candidate.
        labels: Scores. Of a judge that compares there are none, and `preferences` stand in: a sample's
            score is then its mean probability of being the better one over the comparisons with other samples.
    """
    scores = {label.sample_id: label.score for label in labels if label.score is not None}
    if preferences:
        scores = win_rates(preferences, {sample.id for sample in samples})
    by_prompt: dict[str, list[Sample]] = {}
    for sample in samples:
        by_prompt.setdefault(sample.example_id, []).append(sample)
    chosen: list[Sample] = []
    num_tied = num_all_equal = 0
    for group in by_prompt.values():
        usable = [sample for sample in group if sample.id in scores and sample.finish_reason == "stop"]
        if not usable:
            continue
        best = max(scores[sample.id] for sample in usable)
        first_of_text = {sample.text.strip(): sample for sample in reversed(usable)}
        top = [sample for sample in first_of_text.values() if scores[sample.id] > best - ROUNDING]
        chosen.append(next(sample for sample in usable if scores[sample.id] > best - ROUNDING))
        num_tied += len(top) > 1
        num_all_equal += 1 < len(top) == len(first_of_text)
    return BestOfN(
        chosen=chosen,
        num_prompts=len(by_prompt),
        num_without=len(by_prompt) - len(chosen),
        num_tied=num_tied,
        num_all_equal=num_all_equal,
        num_unlabelled=sum(sample.id not in scores for sample in samples),
        num_cut_off=sum(sample.finish_reason != "stop" for sample in samples),
    )


def win_rates(preferences: Sequence[Preference], known: set[str]) -> dict[str, float]:
    """Sample id -> mean probability of being the better one; comparisons with others than `known` are passed over."""
    wins: dict[str, list[float]] = {}
    for one in preferences:
        if one.p_first is not None and one.first_id in known and one.second_id in known:
            wins.setdefault(one.first_id, []).append(one.p_first)
            wins.setdefault(one.second_id, []).append(1 - one.p_first)
    return {id: sum(found) / len(found) for id, found in wins.items()}
