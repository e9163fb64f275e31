"""Two samples side by side with thoughts first, in two calls. Lee et al. 2023 (RLAIF, arXiv 2309.00267), section 2.1.

The first call asks for thoughts on both samples, the second shows them and asks which sample
is better. Both orders are asked for, each with thoughts of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rlaif.feedback.exchange import Ask, Reply, Request
from rlaif.feedback.questions import QuestionSet
from rlaif.feedback.reading import text_of
from rlaif.feedback.strategies import pairwise
from rlaif.feedback.strategies.pairwise import WORDS, compared, num_comparisons, preferences_of, shown
from rlaif.feedback.strategies.strategy import Judgement, word_request
from rlaif.fields import setting
from rlaif.records import Example, Sample


@dataclass(frozen=True)
class Options(pairwise.Options):
    """`max_thought_tokens`: of the first call's text; what is beyond is cut off."""

    max_thought_tokens: int = setting(384, gt=0)


def build(questions: QuestionSet, options: Options, min_valid: int) -> PairwiseCot:
    """Raises UserError where a template is missing or leaves something out. `min_valid` is not read."""
    questions.require("thoughts", "instruction", "first", "second")
    questions.require("template", "instruction", "first", "second", "thoughts")
    return PairwiseCot(questions, options)


class PairwiseCot:
    """Preferences as `Pairwise` gives them. Without thoughts there is no second call, and no preference."""

    scores_samples = False
    largest_margin = 0.5

    def __init__(self, questions: QuestionSet, options: Options) -> None:
        self.questions, self.options = questions, options

    def judge(self, samples: Sequence[Sample], examples: Mapping[str, Example], ask: Ask) -> Judgement:
        questions = self.questions
        comparisons = compared(samples, examples, self.options.max_pairs)
        first_calls = [
            Request(
                questions.messages(questions.prompts["thoughts"], **shown(comparison)),
                "text",
                max_tokens=self.options.max_thought_tokens,
                purpose="pairwise_cot/thoughts",
                limited_by="max_thought_tokens",
            )
            for comparison in comparisons
        ]
        thoughts = ask(first_calls)
        second_calls = {
            at: word_request(
                questions.messages(questions.template, thoughts=text_of(thoughts[at])[0], **shown(comparison)),
                WORDS,
                self.options,
                "pairwise_cot",
            )
            for at, comparison in enumerate(comparisons)
            if text_of(thoughts[at])[0]
        }
        choices = dict(zip(second_calls, ask(list(second_calls.values())), strict=True))
        # Where there are no thoughts, their reply stands for the choice: it says why there is none.
        replies: list[Reply | None] = [choices[at] if at in choices else thoughts[at] for at in range(len(comparisons))]
        requests = [second_calls.get(at, first_calls[at]) for at in range(len(comparisons))]
        return Judgement(preferences=list(preferences_of(comparisons, requests, replies)))

    def max_requests(self, num_samples: int) -> int:
        return 2 * num_comparisons(num_samples, self.options.max_pairs)
