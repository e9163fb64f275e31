"""One grade a sample: the expected value of the judge's probabilities over a scale of whole numbers.

Lee et al. 2023 (RLAIF, arXiv 2309.00267), section 3.2.2: a score of 1 to 10, without a reward model. There the
expected value is brought to [-1, 1]; here to [0, 1], where every label lies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rlaif.feedback.exchange import Ask
from rlaif.feedback.questions import QuestionSet, output_of
from rlaif.feedback.reading import Reading, read
from rlaif.feedback.scoring import score_samples
from rlaif.feedback.strategies.strategy import AnswerOptions, Judgement, answer_of, word_request
from rlaif.fields import setting
from rlaif.records import Answer, Example, Sample

QUESTION = "direct_score"
"""The question id of its answers, whose p_yes is the score."""


@dataclass(frozen=True)
class Options(AnswerOptions):
    """The scale; the template has to name the same."""

    lowest: int = setting(1, ge=0)
    highest: int = setting(10, ge=2)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.lowest < self.highest - 1:
            raise ValueError("highest has to be at least 2 above lowest")


def build(questions: QuestionSet, options: Options, min_valid: int) -> DirectScore:
    """Raises UserError where the template leaves something out. There is one answer, so `min_valid` is not read."""
    questions.require("template", "instruction", "output")
    return DirectScore(questions, options)


class DirectScore:
    """score = (sum_i i p(i) - lowest) / (highest - lowest). A grade of 8.5 is 8 and 9, each with a half."""

    scores_samples = True
    largest_margin = 1.0

    def __init__(self, questions: QuestionSet, options: Options) -> None:
        self.questions, self.options = questions, options
        self.words = tuple(str(number) for number in range(options.lowest, options.highest + 1))

    def judge(self, samples: Sequence[Sample], examples: Mapping[str, Example], ask: Ask) -> Judgement:
        requests = [
            word_request(
                self.questions.messages(
                    self.questions.template,
                    instruction=examples[sample.example_id].instruction,
                    output=output_of(sample.text, sample.finish_reason),
                ),
                self.words,
                self.options,
                QUESTION,
            )
            for sample in samples
        ]
        answers: list[Answer] = []
        for sample, request, reply in zip(samples, requests, ask(requests), strict=True):
            reading = read(request, reply)
            expected = expected_value(reading)
            share = (expected - self.options.lowest) / (self.options.highest - self.options.lowest)
            about = "" if reading.invalid else f"expected {expected:.3f}; "
            answers.append(answer_of(sample.id, QUESTION, share, reading, reply, about))
        return Judgement(answers, score_samples(answers, {QUESTION: 1.0}, min_valid=1))

    def max_requests(self, num_samples: int) -> int:
        return num_samples


def expected_value(reading: Reading) -> float:
    """sum_i i p(i); 0 where nothing could be read."""
    return sum(int(word) * probability for word, probability in reading.probabilities.items())
