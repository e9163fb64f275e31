"""Yes/no questions about each sample, as in the paper (arXiv 2406.20060): one call each, or one call for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rlaif.errors import UserError
from rlaif.feedback.exchange import Ask, Request
from rlaif.feedback.questions import QuestionSet, output_of
from rlaif.feedback.reading import read
from rlaif.feedback.reading_list import read_list
from rlaif.feedback.scoring import score_samples
from rlaif.feedback.strategies.strategy import AnswerOptions, Judgement, answer_of, word_request
from rlaif.records import Answer, Example, Sample

WORDS = ("yes", "no")


@dataclass(frozen=True)
class Options(AnswerOptions):
    """`together`: all questions in one call, answered by number; a fraction of the cost, and answers that see
    each other. `max_answer_tokens` is then of each."""

    together: bool = False


def build(questions: QuestionSet, options: Options, min_valid: int) -> Binary:
    """Raises UserError where a question, or its place in a template, is missing."""
    if not questions.questions:
        raise UserError(f"questions.questions ({questions.name}): no question")
    if options.together:
        questions.require("together", "instruction", "output", "questions")
    else:
        questions.require("template", "instruction", "output", "question")
    return Binary(questions, options, min_valid)


class Binary:
    """S(t, o) is the weighted mean of the probabilities of yes (`scoring`)."""

    scores_samples = True
    largest_margin = 1.0

    def __init__(self, questions: QuestionSet, options: Options, min_valid: int) -> None:
        self.questions, self.options, self.min_valid = questions, options, min_valid

    def judge(self, samples: Sequence[Sample], examples: Mapping[str, Example], ask: Ask) -> Judgement:
        ask_about = self._together if self.options.together else self._each
        answers = ask_about(samples, examples, ask)
        return Judgement(answers, score_samples(answers, self.questions.weights, self.min_valid))

    def max_requests(self, num_samples: int) -> int:
        return num_samples * (1 if self.options.together else len(self.questions.questions))

    def _each(self, samples: Sequence[Sample], examples: Mapping[str, Example], ask: Ask) -> list[Answer]:
        items = [(sample, question) for sample in samples for question in self.questions.questions]
        requests = []
        for sample, question in items:
            instruction = examples[sample.example_id].instruction
            prompt = self.questions.render(question, instruction, sample.text, sample.finish_reason)
            messages = (("system", prompt.system), ("user", prompt.user))
            requests.append(word_request(messages, WORDS, self.options, question.id))
        answers = []
        for (sample, question), request, reply in zip(items, requests, ask(requests), strict=True):
            reading = read(request, reply)
            answers.append(answer_of(sample.id, question.id, reading.probabilities.get("yes"), reading, reply))
        return answers

    def _together(self, samples: Sequence[Sample], examples: Mapping[str, Example], ask: Ask) -> list[Answer]:
        requests = [self._request_for_all(sample, examples[sample.example_id]) for sample in samples]
        answers = []
        for sample, request, reply in zip(samples, requests, ask(requests), strict=True):
            readings = read_list(request, reply, len(self.questions.questions))
            for question, reading in zip(self.questions.questions, readings, strict=True):
                answers.append(answer_of(sample.id, question.id, reading.probabilities.get("yes"), reading, reply))
        return answers

    def _request_for_all(self, sample: Sample, example: Example) -> Request:
        questions = self.questions
        numbered = {str(number): question.text for number, question in enumerate(questions.questions, 1)}
        messages = questions.messages(
            questions.prompts["together"],
            instruction=example.instruction,
            output=output_of(sample.text, sample.finish_reason),
            questions=numbered,
        )
        request = word_request(messages, WORDS, self.options, f"{questions.name}/together")
        return replace(request, max_tokens=self.options.max_answer_tokens * len(numbered), num_answers=len(numbered))
