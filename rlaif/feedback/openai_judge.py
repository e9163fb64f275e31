"""The LLM judge behind any OpenAI-compatible endpoint: one call a question."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence

from openai.types.chat import ChatCompletion
from openai.types.chat.chat_completion import Choice

from rlaif.config import OpenaiConfig
from rlaif.errors import UserError
from rlaif.feedback.endpoint import CallFailed, CallRejected, Endpoint
from rlaif.feedback.judge import UNANSWERED, Item
from rlaif.feedback.questions import Prompt, QuestionSet
from rlaif.feedback.yes_no import TokenLogprobs, from_text, from_tokens
from rlaif.records import Answer

FAILURES_IN_A_ROW = 10
"""So many calls that failed for good, with none in between that did not, mean that the endpoint is down."""


class OpenaiJudge:
    """Asks a chat model at temperature 0 and reads the probability of yes from the answer's
    log-probabilities, or, where the server gives none, the plain answer. `Answer.source` says which.

    Raises:
        UserError: no model is named.
    """

    def __init__(self, config: OpenaiConfig, questions: QuestionSet) -> None:
        if not config.model:
            raise UserError("feedback.openai.model: the name of a model is needed")
        self._config = config
        self._questions = questions

    @property
    def name(self) -> str:
        return f"openai:{self._config.model}"

    def identity(self) -> Mapping[str, object]:
        config = self._config
        return {
            "judge": "openai",
            "model": config.model,
            "temperature": 0.0,
            "max_answer_tokens": config.max_answer_tokens,
            "logprobs": config.logprobs,
            "questions_version": self._questions.version,
        }

    def reads(self, item: Item) -> Mapping[str, object]:
        prompt = self._prompt(item)
        return {"system": prompt.system, "user": prompt.user}

    def answer(self, items: Sequence[Item]) -> Iterator[Answer]:
        """Answers as they arrive, up to `max_concurrency` calls under way at once.

        A call whose every attempt failed gives an answer of source `UNANSWERED`.

        Raises:
            UserError: the endpoint refuses all calls, or stays down; one line.
        """
        if not items:
            return
        with asyncio.Runner() as runner:
            calls = runner.run(_start(self, items, self._config))
            try:
                for _ in items:
                    yield runner.run(calls.next())
            finally:
                runner.run(calls.stop())

    def _prompt(self, item: Item) -> Prompt:
        return self._questions.render(item.question, item.example.instruction, item.sample.text)

    async def ask(self, endpoint: Endpoint, item: Item) -> Answer:
        """One item's answer. Raises UserError where no call can succeed."""
        try:
            reply = await endpoint.ask(self._prompt(item))
        except CallFailed as error:
            return self._answer(item, None, UNANSWERED, invalid=str(error))
        except CallRejected as error:
            return self._answer(item, None, "text", invalid=f"rejected: {error}")
        return self._read(item, reply)

    def _read(self, item: Item, reply: ChatCompletion) -> Answer:
        if not reply.choices:
            return self._answer(item, None, "text", invalid="the reply has no choices")
        choice = reply.choices[0]
        unreadable = _unreadable(choice)
        if unreadable:
            return self._answer(item, None, "text", invalid=unreadable)
        tokens = _token_logprobs(choice)
        mass = from_tokens(tokens)
        text = choice.message.content or ""
        if mass is not None:
            return self._answer(item, mass.p_yes, "logprobs", evidence=f"{text.strip()!r}: {mass.evidence}")
        said = from_text(text)
        if said is None:
            return self._answer(item, None, "text", invalid=f"neither yes nor no: {text.strip()[:80]!r}")
        return self._answer(item, float(said), "text", evidence=repr(text.strip()))

    def _answer(self, item: Item, p_yes: float | None, source: str, evidence: str = "", invalid: str = "") -> Answer:
        return Answer(item.sample.id, item.question.id, p_yes, self.name, source, evidence, invalid)


def _unreadable(choice: Choice) -> str:
    """Why a reply holds no answer at all, or an empty string."""
    if choice.finish_reason == "content_filter":
        return "filtered"
    if getattr(choice.message, "refusal", None):
        return f"refused: {str(choice.message.refusal)[:80]!r}"
    if not (choice.message.content or "").strip():
        return "empty"
    return ""


def _token_logprobs(choice: Choice) -> list[TokenLogprobs]:
    content = choice.logprobs.content if choice.logprobs is not None else None
    return [
        TokenLogprobs(token.token, tuple((top.token, top.logprob) for top in token.top_logprobs or ()))
        for token in content or ()
    ]


class _Calls:
    """Workers that put answers, or the error that ends everything, into a queue."""

    def __init__(self, judge: OpenaiJudge, endpoint: Endpoint, items: Sequence[Item], concurrency: int) -> None:
        self._endpoint = endpoint
        self._judge = judge
        self._todo = iter(items)
        self._done: asyncio.Queue[Answer | Exception] = asyncio.Queue()
        self._failures = 0
        self._workers = [asyncio.create_task(self._work()) for _ in range(min(concurrency, len(items)))]

    async def next(self) -> Answer:
        """The next answer to arrive."""
        arrived = await self._done.get()
        if isinstance(arrived, Exception):
            raise arrived
        self._failures = self._failures + 1 if arrived.source == UNANSWERED else 0
        if self._failures >= FAILURES_IN_A_ROW:
            raise UserError(
                f"{self._endpoint.url}: {self._failures} calls in a row failed: {arrived.invalid}. "
                "The answers so far are kept; run again to go on"
            )
        return arrived

    async def stop(self) -> None:
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        await self._endpoint.close()

    async def _work(self) -> None:
        for item in self._todo:
            try:
                self._done.put_nowait(await self._judge.ask(self._endpoint, item))
            except Exception as error:  # handed to the reader, who raises it
                self._done.put_nowait(error)
                return


async def _start(judge: OpenaiJudge, items: Sequence[Item], config: OpenaiConfig) -> _Calls:
    """Made inside the event loop, to which the client and the workers then belong."""
    return _Calls(judge, Endpoint(config), items, config.max_concurrency)
