"""The static judge under the protocol of a strategy: its answers come from analysis, and nothing is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rlaif.feedback.exchange import Ask
from rlaif.feedback.judge import Item, items_for
from rlaif.feedback.questions import QuestionSet
from rlaif.feedback.scoring import score_samples
from rlaif.feedback.static import StaticJudge
from rlaif.feedback.strategies.strategy import Judgement
from rlaif.records import Answer, Example, Sample

Progress = Callable[[int, int], None]
"""Called with (answers at hand, answers in all)."""


class StaticStrategy:
    """The binary strategy's answers and scores, by a judge that reads samples itself. `ask` is not used."""

    scores_samples = True
    largest_margin = 1.0

    def __init__(
        self, judge: StaticJudge, questions: QuestionSet, min_valid: int, progress: Progress | None = None
    ) -> None:
        self.static_judge, self.questions, self.min_valid = judge, questions, min_valid
        self.progress = progress

    def judge(self, samples: Sequence[Sample], examples: Mapping[str, Example], ask: Ask) -> Judgement:
        items = items_for(samples, examples, self.questions.questions)
        answers = self._answers(items)
        return Judgement(answers, score_samples(answers, self.questions.weights, self.min_valid))

    def max_requests(self, num_samples: int) -> int:
        return 0

    def _answers(self, items: Sequence[Item]) -> list[Answer]:
        """In the items' order, however the judge gives them."""
        given: dict[tuple[str, str], Answer] = {}
        for answer in self.static_judge.answer(items):
            given[answer.sample_id, answer.question_id] = answer
            if self.progress is not None:
                self.progress(len(given), len(items))
        return [given[item.sample.id, item.question.id] for item in items]
