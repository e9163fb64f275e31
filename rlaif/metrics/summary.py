"""The figures of one policy: each metric's mean, its interval, and what could not be measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rlaif.metrics.statistics import Interval
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
"""Every metric of a single sample, all in [0, 1]; None where it could not be computed."""

DIVERSITY = ("distinct_apis", "api_entropy")
"""Figures of all of a row's samples together: see `diversity`."""


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
    distinct_apis: float | None = None
    """How many different APIs a seed's samples call; the mean over seeds."""
    api_entropy: float | None = None
    """In nats."""
    intervals: dict[str, Interval] = field(default_factory=dict)
    """By metric, diversity included: the 95% interval over examples (and seeds), where there is a figure."""
    num_missing: dict[str, int] = field(default_factory=dict)
    """By metric: samples for which it could not be computed."""
    num_without_dataflow: int = 0
    """Samples whose CodeBLEU stands on three parts, as their reference has no data flow."""
    verdicts: dict[str, int] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    """By kind, the most frequent first."""

    def mean(self, metric: str) -> float | None:
        interval = self.intervals.get(metric)
        return interval.mean if interval else None

    def scalars(self) -> dict[str, float | int | None]:
        """All figures under flat names, for a metrics file or a tracker."""
        figures: dict[str, float | int | None] = {"num": self.num, "num_examples": self.num_examples}
        figures["num_without_dataflow"] = self.num_without_dataflow
        for metric in (*METRICS, *DIVERSITY):
            interval = self.intervals.get(metric)
            figures[metric] = interval.mean if interval else None
            figures[f"{metric}_low"] = interval.low if interval else None
            figures[f"{metric}_high"] = interval.high if interval else None
            figures[f"{metric}_missing"] = self.num_missing.get(metric, 0)
        figures |= {f"verdict_{verdict}": count for verdict, count in self.verdicts.items()}
        return figures | {f"failure_{kind}": count for kind, count in self.failures.items()}


def group_by_example(evaluations: Sequence[Evaluation]) -> dict[str, list[Evaluation]]:
    groups: dict[str, list[Evaluation]] = defaultdict(list)
    for evaluation in evaluations:
        groups[evaluation.example_id].append(evaluation)
    return dict(groups)
