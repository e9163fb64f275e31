"""The figures of one policy: each metric's mean, its interval, and what could not be measured."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rlaif.metrics.statistics import Interval, bootstrap_ratio, paired_difference
from rlaif.records import Evaluation

NOT_RUN = "not_run"
"""The failure kind of a sample that was not run because execution is off; its verdict is inconclusive."""


def executability(evaluation: Evaluation) -> float | None:
    """Strict: 1 if the code ran without an error, and 0 for any other outcome; None where nothing is run."""
    return None if evaluation.failure == NOT_RUN else float(evaluation.verdict == "pass")


def executability_conditional(evaluation: Evaluation) -> float | None:
    """Conditional: pass / (pass + fault). An id that the hub does not have says nothing of the code around it."""
    return float(evaluation.verdict == "pass") if evaluation.verdict in ("pass", "fault") else None


METRICS: dict[str, Callable[[Evaluation], float | None]] = {
    "ast_gorilla": lambda evaluation: evaluation.ast_gorilla,
    "hallucinated_gorilla": lambda evaluation: evaluation.hallucinated_gorilla,
    "ast_strict": lambda evaluation: evaluation.ast_strict,
    "hallucinated_strict": lambda evaluation: evaluation.hallucinated_strict,
    "exact_call": lambda evaluation: evaluation.exact_call,
    "rouge_l": lambda evaluation: evaluation.rouge_l,
    "codebleu": lambda evaluation: evaluation.codebleu,
    "codebleu_ngram": lambda evaluation: evaluation.codebleu_ngram,
    "codebleu_weighted_ngram": lambda evaluation: evaluation.codebleu_weighted_ngram,
    "codebleu_syntax": lambda evaluation: evaluation.codebleu_syntax,
    "codebleu_dataflow": lambda evaluation: evaluation.codebleu_dataflow,
    "executability": executability,
    "executability_conditional": executability_conditional,
}
"""Every metric, all in [0, 1], as a number per sample; None where it could not be computed."""


@dataclass(frozen=True)
class Summary:
    """Means over samples; a metric is None where it could be computed for none of them."""

    num: int
    """Samples."""
    num_examples: int
    ast_gorilla: float | None = None
    hallucinated_gorilla: float | None = None
    ast_strict: float | None = None
    hallucinated_strict: float | None = None
    exact_call: float | None = None
    rouge_l: float | None = None
    codebleu: float | None = None
    codebleu_ngram: float | None = None
    codebleu_weighted_ngram: float | None = None
    codebleu_syntax: float | None = None
    codebleu_dataflow: float | None = None
    executability: float | None = None
    executability_conditional: float | None = None
    intervals: dict[str, Interval] = field(default_factory=dict)
    """By metric: the 95% bootstrap interval over examples, for every metric that has a mean."""
    num_missing: dict[str, int] = field(default_factory=dict)
    """By metric: samples for which it could not be computed."""
    verdicts: dict[str, int] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    """By kind, the most frequent first."""

    def mean(self, metric: str) -> float | None:
        interval = self.intervals.get(metric)
        return interval.mean if interval else None

    def scalars(self) -> dict[str, float | int | None]:
        """All figures under flat names, for a metrics file or a tracker."""
        figures: dict[str, float | int | None] = {"num": self.num, "num_examples": self.num_examples}
        for metric in METRICS:
            interval = self.intervals.get(metric)
            figures[metric] = interval.mean if interval else None
            figures[f"{metric}_low"] = interval.low if interval else None
            figures[f"{metric}_high"] = interval.high if interval else None
            figures[f"{metric}_missing"] = self.num_missing.get(metric, 0)
        figures |= {f"verdict_{verdict}": count for verdict, count in self.verdicts.items()}
        return figures | {f"failure_{kind}": count for kind, count in self.failures.items()}


def summarize(evaluations: Sequence[Evaluation], *, seed: int = 0, resamples: int = 2000) -> Summary:
    """Mean and interval of every metric over the samples for which it could be computed."""
    by_example = group_by_example(evaluations)
    intervals, missing = {}, {}
    for metric in METRICS:
        sums, counts = example_sums(by_example, metric)
        missing[metric] = len(evaluations) - int(sum(counts))
        if sum(counts):
            intervals[metric] = bootstrap_ratio(sums, counts, seed=seed, resamples=resamples)
    return Summary(
        num=len(evaluations),
        num_examples=len(by_example),
        intervals=intervals,
        num_missing=missing,
        verdicts=dict(Counter(evaluation.verdict for evaluation in evaluations).most_common()),
        failures=dict(Counter(evaluation.failure for evaluation in evaluations if evaluation.failure).most_common()),
        **{metric: interval.mean for metric, interval in intervals.items()},
    )


def differences(
    a: Sequence[Evaluation], b: Sequence[Evaluation], *, seed: int = 0, resamples: int = 2000
) -> dict[str, Interval]:
    """By metric: mean(a) - mean(b) and its paired bootstrap interval over the examples that both answered.

    A metric that either side lacks on those examples is left out.
    """
    group_a, group_b = group_by_example(a), group_by_example(b)
    shared = sorted(group_a.keys() & group_b.keys())
    sides = [{example: group[example] for example in shared} for group in (group_a, group_b)]
    found = {}
    for metric in METRICS:
        sums_a, sums_b = (example_sums(side, metric) for side in sides)
        if sum(sums_a[1]) and sum(sums_b[1]):
            found[metric] = paired_difference(sums_a, sums_b, seed=seed, resamples=resamples)
    return found


def group_by_example(evaluations: Sequence[Evaluation]) -> dict[str, list[Evaluation]]:
    groups: dict[str, list[Evaluation]] = defaultdict(list)
    for evaluation in evaluations:
        groups[evaluation.example_id].append(evaluation)
    return dict(groups)


def example_sums(by_example: dict[str, list[Evaluation]], metric: str) -> tuple[list[float], list[float]]:
    """(sums, counts), each (num_examples,): over an example's samples for which the metric is not None."""
    sums, counts = [], []
    for evaluations in by_example.values():
        values = [value for evaluation in evaluations if (value := METRICS[metric](evaluation)) is not None]
        sums.append(float(sum(values)))
        counts.append(float(len(values)))
    return sums, counts
