"""The judge that is a model: one request a question, whatever the transport."""

from __future__ import annotations

from collections.abc import Sequence

from rlaif.feedback.asking import Asker, Progress
from rlaif.feedback.exchange import Reply, Request
from rlaif.feedback.judge import UNANSWERED, Item
from rlaif.feedback.questions import QuestionSet
from rlaif.feedback.yes_no import from_text, from_tokens
from rlaif.records import Answer


class AskedJudge:
    """Puts every question to a model and reads the probability of yes from the answer's log-probabilities, or,
    where there are none, from the plain answer. `Answer.source` says which."""

    def __init__(self, asker: Asker, questions: QuestionSet, max_answer_tokens: int) -> None:
        self._asker, self._questions, self._max_tokens = asker, questions, max_answer_tokens

    @property
    def name(self) -> str:
        return self._asker.name

    def answers(self, items: Sequence[Item], progress: Progress | None = None) -> list[Answer]:
        """One answer an item, in the items' order. The store of exchanges keeps them.

        Raises:
            UserError: see `exchange.Ask`.
        """
        replies = self._asker.ask([self.request(item) for item in items], progress)
        return [self._read(item, reply) for item, reply in zip(items, replies, strict=True)]

    def request(self, item: Item) -> Request:
        prompt = self._questions.render(item.question, item.example.instruction, item.sample.text)
        messages = (("system", prompt.system), ("user", prompt.user))
        return Request(messages, max_tokens=self._max_tokens, purpose=item.question.id)

    def _read(self, item: Item, reply: Reply | None) -> Answer:
        if reply is None:
            return self._answer(item, None, UNANSWERED, invalid="every attempt failed")
        if reply.unreadable:
            return self._answer(item, None, "text", invalid=reply.unreadable)
        mass = from_tokens(reply.tokens)
        text = reply.texts[0]
        if mass is not None:
            return self._answer(item, mass.p_yes, "logprobs", evidence=f"{text.strip()!r}: {mass.evidence}")
        said = from_text(text)
        if said is None:
            return self._answer(item, None, "text", invalid=f"neither yes nor no: {text.strip()[:80]!r}")
        return self._answer(item, float(said), "text", evidence=repr(text.strip()))

    def _answer(self, item: Item, p_yes: float | None, source: str, evidence: str = "", invalid: str = "") -> Answer:
        return Answer(item.sample.id, item.question.id, p_yes, self.name, source, evidence, invalid)
