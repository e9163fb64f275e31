"""The readings of several answers in one reply, each with its own word or its own token's log-probabilities."""

from __future__ import annotations

from collections.abc import Sequence

from rlaif.data.thought import answer_part
from rlaif.feedback.answer_list import AnswerList, answer_list
from rlaif.feedback.answer_tokens import AnswerTokens
from rlaif.feedback.exchange import Reply, Request
from rlaif.feedback.mention import NONE, SEVERAL
from rlaif.feedback.reading import Reading, Said, from_mass, from_texts, problem_of


def read_list(request: Request, reply: Reply | None, num_answers: int) -> list[Reading]:
    """The readings of answers 1 to N, in the order of their numbers (`answer_list`).

    A number that is missing, or that has two different answers, is invalid.
    """
    problem = problem_of(reply)
    if reply is None or problem:
        return [Reading(invalid=problem)] * num_answers
    parts = [answer_part(text) for text in reply.texts]
    answers = [text[part.start : part.end] for text, part in zip(reply.texts, parts, strict=True)]
    if len(parts) == 1 and parts[0].problem:
        return [Reading(invalid=parts[0].problem)] * num_answers
    lists = [
        answer_list(answer, request.words, num_answers, reply.is_cut_off(number))
        for number, answer in enumerate(answers)
    ]
    tokens = AnswerTokens(reply.tokens, answers[0]) if reply.tokens else None
    return [_reading(number, lists, tokens, request.words) for number in range(1, num_answers + 1)]


def _reading(number: int, lists: Sequence[AnswerList], tokens: AnswerTokens | None, words: Sequence[str]) -> Reading:
    texts = [_said(number, one) for one in lists]
    mention = texts[0].mention
    if tokens is not None and mention is not None and texts[0].word:
        mass = tokens.mass(mention.start, texts[0].word, words)
        if mass is not None:
            return from_mass(mass, texts[0].answer)
    return from_texts(texts)


def _said(number: int, answers: AnswerList) -> Said:
    mention = answers.by_number.get(number)
    if mention is None:
        why = SEVERAL if number in answers.several else NONE
        return Said(f"{number}. not answered", problem=f"{why}: '{number}. not answered'")
    found = Said("", mention)
    return Said(f"{number}. {found.word}", mention)
