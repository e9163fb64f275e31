"""Which sample of a prompt is the best: ties, unreadable scores, cut-off samples, comparisons."""

from __future__ import annotations

from typing import Literal

from rlaif.feedback.best_of_n import best_of_n
from rlaif.records import Label, Preference, Sample


def sample(example: str, number: int, text: str = "", reason: Literal["stop", "length"] = "stop") -> Sample:
    return Sample(f"{example}-{number}", example, text or f"text {number}", "sft", 0, reason)


def test_the_highest_score_wins_and_ties_go_to_the_first() -> None:
    samples = [sample("a", 0), sample("a", 1), sample("b", 0), sample("b", 1), sample("b", 2)]
    scores = {"a-0": 0.2, "a-1": 0.7, "b-0": 0.1, "b-1": 0.5, "b-2": 0.5 + 1e-12}
    found = best_of_n(samples, [Label(id, score, 8) for id, score in scores.items()], [])
    assert [one.id for one in found.chosen] == ["a-1", "b-1"]
    assert (found.num_tied, found.num_all_equal, found.num_without) == (1, 0, 0)


def test_equal_texts_are_no_tie_and_a_prompt_without_a_preference_is_counted() -> None:
    samples = [sample("a", 0, "same"), sample("a", 1, "same"), sample("b", 0), sample("b", 1)]
    found = best_of_n(samples, [Label(one.id, 0.5, 8) for one in samples], [])
    assert (found.num_tied, found.num_all_equal) == (1, 1)


def test_unlabelled_and_cut_off_samples_are_not_chosen() -> None:
    samples = [sample("a", 0), sample("a", 1, reason="length"), sample("b", 0), sample("c", 0, reason="length")]
    labels = [Label("a-0", 0.1, 8), Label("a-1", 0.9, 8), Label("b-0", None, 2), Label("c-0", 0.9, 8)]
    found = best_of_n(samples, labels, [])
    assert [one.id for one in found.chosen] == ["a-0"]
    assert (found.num_prompts, found.num_without, found.num_unlabelled, found.num_cut_off) == (3, 2, 1, 2)


def test_comparisons_give_win_rates_and_references_do_not_count() -> None:
    samples = [sample("a", 0), sample("a", 1), sample("a", 2)]
    preferences = [
        Preference("a", "a-0", "a-1", 0.9, "votes", None),
        Preference("a", "a-2", "a-0", 0.6, "votes", None),
        Preference("a", "a-1", "a-2", None, "votes", None, invalid="unreadable"),
        Preference("a", "a-2", "a/reference", 0.0, "votes", None),
    ]  # a-0: (0.9 + 0.4) / 2 = 0.65, a-1: 0.1, a-2: 0.6
    assert [one.id for one in best_of_n(samples, [], preferences).chosen] == ["a-0"]
