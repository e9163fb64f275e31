"""What a sample's code claims, piece by piece, and minus the number of claims that the judge rejects.

RLAIF-V (Yu et al. 2024, arXiv 2405.17220), section 3.2: divide an answer into claims, ask yes or no about each,
count what is rejected. There a model divides; here the syntax tree (`split: code`), at no cost, or the judge
(`split: judge`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rlaif.data.completion import parse_completion
from rlaif.errors import UserError
from rlaif.feedback.claims_in_code import KINDS, Claim, claims_in_code
from rlaif.feedback.claims_in_text import claims_in_text
from rlaif.feedback.exchange import Ask, Request
from rlaif.feedback.questions import QuestionSet, output_of
from rlaif.feedback.reading import read, text_of
from rlaif.feedback.strategies.strategy import AnswerOptions, Judgement, answer_of, word_request
from rlaif.fields import setting
from rlaif.records import Answer, Example, Label, Sample

WORDS = ("yes", "no")
DIVIDED_BY_CODE = "divided by the code, since the judge's list could not be read"
"""Opens the evidence of such claims' answers."""


@dataclass(frozen=True)
class Options(AnswerOptions):
    """`split`: who divides the code into claims, `code` (its syntax tree) or `judge`. `max_claims`: of a sample."""

    split: str = "code"
    max_claims: int = setting(16, gt=0)
    max_split_tokens: int = setting(512, gt=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.split not in ("code", "judge"):
            raise ValueError(f"split: {self.split!r} is neither code nor judge")


def build(questions: QuestionSet, options: Options, min_valid: int) -> Claims:
    """Raises UserError where a prompt or one of the four kinds is missing. `min_valid` is not read."""
    questions.require("template", "instruction", "output", "claim")
    if options.split == "judge":
        questions.require("split", "instruction", "output")
    ids = {question.id for question in questions.questions}
    if ids != set(KINDS):
        raise UserError(f"questions.questions ({questions.name}): claims are of the kinds {', '.join(KINDS)}")
    for question in questions.questions:
        if "{subject}" not in question.text:
            raise UserError(f"questions.questions ({questions.name}): {question.id} has no {{subject}}")
    return Claims(questions, options)


class Claims:
    """score = - sum over rejected claims of their kind's weight; a claim is rejected where p(yes) < 0.5.

    An invalid answer rejects nothing; a sample without any valid answer has no score.
    """

    scores_samples = True
    largest_margin = math.inf

    def __init__(self, questions: QuestionSet, options: Options) -> None:
        self.questions, self.options = questions, options
        self.text_of_kind = {question.id: question.text for question in questions.questions}

    def judge(self, samples: Sequence[Sample], examples: Mapping[str, Example], ask: Ask) -> Judgement:
        if self.options.split == "judge":
            divided = self._divided_by_judge(samples, examples, ask)
        else:
            divided = [(self._divided_by_code(sample), "") for sample in samples]
        items = [
            (sample, claim, unread)
            for sample, (claims, unread) in zip(samples, divided, strict=True)
            for claim in claims
        ]
        requests = [self._request(sample, examples[sample.example_id], claim) for sample, claim, _ in items]
        answers: list[Answer] = []
        for (sample, claim, unread), request, reply in zip(items, requests, ask(requests), strict=True):
            reading = read(request, reply)
            p_yes = reading.probabilities.get("yes")
            mark = f"[{DIVIDED_BY_CODE}: {unread}] " if unread else ""
            answers.append(answer_of(sample.id, claim.kind, p_yes, reading, reply, f"{mark}{claim.text}: "))
        return Judgement(answers, score_claims(samples, answers, self.questions.weights))

    def max_requests(self, num_samples: int) -> int:
        return num_samples * (self.options.max_claims + (self.options.split == "judge"))

    def _divided_by_code(self, sample: Sample) -> list[Claim]:
        return claims_in_code(parse_completion(sample.text).code, self.text_of_kind)[: self.options.max_claims]

    def _divided_by_judge(
        self, samples: Sequence[Sample], examples: Mapping[str, Example], ask: Ask
    ) -> list[tuple[list[Claim], str]]:
        """Of each sample: its claims, and why the judge's list could not be read where they are the code's. Of a list
        that was cut off, the last line is left out."""
        requests = [
            Request(
                self.questions.messages(
                    self.questions.prompts["split"],
                    instruction=examples[sample.example_id].instruction,
                    output=output_of(sample.text, sample.finish_reason),
                ),
                "text",
                max_tokens=self.options.max_split_tokens,
                purpose="claims/split",
                limited_by="max_split_tokens",
            )
            for sample in samples
        ]
        divided = []
        for sample, reply in zip(samples, ask(requests), strict=True):
            text, problem = text_of(reply)
            whole = text.rpartition("\n")[0] if reply is not None and reply.is_cut_off() else text
            claims = claims_in_text(whole)[: self.options.max_claims]
            unread = "" if claims else problem or "no line with a claim"
            divided.append((claims or self._divided_by_code(sample), unread))
        return divided

    def _request(self, sample: Sample, example: Example, claim: Claim) -> Request:
        messages = self.questions.messages(
            self.questions.template,
            instruction=example.instruction,
            output=output_of(sample.text, sample.finish_reason),
            claim=claim.text,
        )
        return word_request(messages, WORDS, self.options, f"claims/{claim.kind}")


def score_claims(samples: Sequence[Sample], answers: Sequence[Answer], weights: Mapping[str, float]) -> list[Label]:
    """One label a sample."""
    valid: dict[str, list[tuple[str, float]]] = {sample.id: [] for sample in samples}
    for answer in answers:
        if answer.p_yes is not None:
            valid[answer.sample_id].append((answer.question_id, answer.p_yes))
    labels = []
    for id, claims in valid.items():
        rejected = sum(weights[kind] for kind, p_yes in claims if p_yes < 0.5)
        labels.append(Label(id, -float(rejected) if claims else None, len(claims)))
    return labels
