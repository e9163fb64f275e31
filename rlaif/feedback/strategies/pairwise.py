"""Two samples side by side, in both orders: which is better? Lee et al. 2023 (RLAIF, arXiv 2309.00267), section 2.1.

The softmax over the log-probabilities of "1" and "2" is a soft label. A judge that leans to
what it sees first leans to either sample once, so the mean over both orders is free of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from random import Random

from rlaif.feedback.exchange import Ask, Reply, Request
from rlaif.feedback.judge import UNANSWERED
from rlaif.feedback.questions import QuestionSet, output_of
from rlaif.feedback.reading import Reading, read
from rlaif.feedback.strategies.strategy import AnswerOptions, Judgement, by_example, word_request
from rlaif.fields import setting
from rlaif.records import Example, Preference, Sample

WORDS = ("1", "2")


@dataclass(frozen=True)
class Options(AnswerOptions):
    """`max_pairs`: comparisons of one example, drawn by its id; 0: every two of its samples."""

    max_pairs: int = setting(0, ge=0)


@dataclass(frozen=True)
class Comparison:
    """Two samples of an example in one of the two orders in which they are shown."""

    example: Example
    first: Sample
    second: Sample


def build(questions: QuestionSet, options: Options, min_valid: int) -> Pairwise:
    """Raises UserError where the template leaves something out. `min_valid` is not read: both orders have to be."""
    questions.require("template", "instruction", "first", "second")
    return Pairwise(questions, options)


class Pairwise:
    """Preferences between the samples of each example, its reference among them where it is a sample."""

    scores_samples = False
    largest_margin = 0.5

    def __init__(self, questions: QuestionSet, options: Options) -> None:
        self.questions, self.options = questions, options

    def judge(self, samples: Sequence[Sample], examples: Mapping[str, Example], ask: Ask) -> Judgement:
        comparisons = compared(samples, examples, self.options.max_pairs)
        requests = [self._request(comparison) for comparison in comparisons]
        return Judgement(preferences=list(preferences_of(comparisons, requests, ask(requests))))

    def max_requests(self, num_samples: int) -> int:
        return num_comparisons(num_samples, self.options.max_pairs)

    def _request(self, comparison: Comparison) -> Request:
        messages = self.questions.messages(self.questions.template, **shown(comparison))
        return word_request(messages, WORDS, self.options, "pairwise")


def compared(samples: Sequence[Sample], examples: Mapping[str, Example], max_pairs: int) -> list[Comparison]:
    """Every two different samples of each example, one order after the other."""
    comparisons = []
    for id, group in by_example(samples).items():
        pairs = list(combinations(group, 2))
        if 0 < max_pairs < len(pairs):
            pairs = Random(id).sample(pairs, max_pairs)
        for one, other in pairs:
            comparisons += [Comparison(examples[id], one, other), Comparison(examples[id], other, one)]
    return comparisons


def num_comparisons(num_samples: int, max_pairs: int) -> int:
    """Of one example, both orders counted."""
    num_pairs = num_samples * (num_samples - 1) // 2
    return 2 * (min(num_pairs, max_pairs) if max_pairs else num_pairs)


def shown(comparison: Comparison) -> dict[str, object]:
    """What a template is filled with."""
    return {
        "instruction": comparison.example.instruction,
        "first": output_of(comparison.first.text, comparison.first.finish_reason),
        "second": output_of(comparison.second.text, comparison.second.finish_reason),
    }


def preferences_of(
    comparisons: Sequence[Comparison], requests: Sequence[Request], replies: Sequence[Reply | None]
) -> Iterator[Preference]:
    """Comparisons come in twos, one order after the other; so do the preferences, one for both."""
    readings = [read(request, reply) for request, reply in zip(requests, replies, strict=True)]
    for at in range(0, len(comparisons), 2):
        model = next((reply.model for reply in replies[at : at + 2] if reply is not None), "")
        missing = any(reply is None for reply in replies[at : at + 2])
        yield _preference(comparisons[at], readings[at], readings[at + 1], model, missing)


def _preference(shown: Comparison, one: Reading, other: Reading, model: str, missing: bool) -> Preference:
    ids = (shown.example.id, shown.first.id, shown.second.id)
    invalid = one.invalid or other.invalid
    if invalid:
        return Preference(*ids, None, UNANSWERED if missing else "text", None, model, invalid)
    shown_first, shown_second = one.probabilities["1"], other.probabilities["2"]
    source = one.source if one.source == other.source else "mixed"
    return Preference(*ids, (shown_first + shown_second) / 2, source, shown_first - shown_second, model)
