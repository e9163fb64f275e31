"""What is put to a judge's model and what comes back, and the function between the two.

    strategy.judge(samples, examples, ask) -> Judgement        asks through one function and knows nothing else
    ask([Request, ...]) -> [Reply | None, ...]                 the store first, then the judge's transport

A strategy says what it wants to know; a transport (`endpoints`, `local_judge`, `replay`) says how it is got. So
whatever a strategy asks is kept, paid for once, and can be read again by another parser without a call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

Expects = Literal["yes_no", "choice", "number", "text"]

EMPTY, NO_CHOICES = "empty", "no choices"
"""What `Reply.unreadable` says of replies that are no answer."""


@dataclass(frozen=True)
class Request:
    """One prompt to a model, with all that decides its answer besides the model.

    `purpose` (a question's id, "pairwise", "pairwise_cot/thoughts") is what costs and failures are counted by. It
    decides no answer, so that two strategies that ask the same thing share one record.
    """

    messages: tuple[tuple[str, str], ...]
    """(role, text): system, user, assistant. One that ends with an assistant's text is a conversation to go on with."""
    expects: Expects = "yes_no"
    """What will be read from the reply. All but "text" ask for the log-probabilities of the answer's tokens."""
    choices: tuple[str, ...] = ()
    """The words that are read: ("1", "2"), ("1", ..., "10"). Empty with "yes_no" means ("yes", "no")."""
    max_tokens: int = 8
    temperature: float = 0.0
    num_samples: int = 1
    """Texts wanted. Above 1 they are votes, and the temperature should be above 0."""
    purpose: str = ""
    limited_by: str = "max_answer_tokens"
    """The option of `questions.options` that `max_tokens` comes from: where it is too small, it is named."""
    num_answers: int = 1
    """Words wanted in one text: above 1, a list of them."""

    @property
    def words(self) -> tuple[str, ...]:
        """The words that an answer is read as."""
        return self.choices or (("yes", "no") if self.expects == "yes_no" else ())


MOST_LOGPROB = 1e-3
"""The most that a log-probability can be: 0, and what rounding adds."""


@dataclass(frozen=True)
class TokenLogprobs:
    """One generated token and the most likely tokens at its position, with natural-log probabilities."""

    token: str
    top: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Reply:
    """What a model answered. `unreadable` is never a verdict: whoever reads the reply counts it as invalid."""

    texts: tuple[str, ...]
    """One a sample, in the server's order; fewer than asked where the server gave fewer."""
    tokens: tuple[TokenLogprobs, ...] = ()
    """Of the first text, every generated token in order, a thought's among them where the server gives those too; ()
    where it gives none. The tokens at a position hold the one that was chosen, if there are any."""
    finish_reason: str = "stop"
    """As the server says for the first text: stop, length (cut off at max_tokens), content_filter."""
    model: str = ""
    """As the server returned it; it may differ from the one that was asked."""
    num_input_tokens: int = 0
    num_output_tokens: int = 0
    """Of all texts, as the server counts them; 0 where it does not say."""
    unreadable: str = ""
    """Why there is no answer in it although the model replied: "filtered", "refused: ...", "empty", "no choices",
    "cut off within a thought", "rejected: ..." (the endpoint will not take this prompt), "not answered: ..." (it
    refused, for a reason that is not known). Empty where there is one."""
    thoughts: tuple[str, ...] = ()
    """What was thought before each text, where the server keeps it apart from the text; () where there is none."""
    finish_reasons: tuple[str, ...] = ()
    """Of each text; () where there is one text, or where an older store did not keep them."""

    def first(self, count: int) -> Reply:
        """The reply with so many texts at most: some servers give more than they are asked for."""
        if len(self.texts) <= count:
            return self
        reasons, thoughts = self.finish_reasons[:count], self.thoughts[:count]
        return replace(self, texts=self.texts[:count], thoughts=thoughts, finish_reasons=reasons)

    def is_cut_off(self, number: int = 0) -> bool:
        """Whether the text of that number ran into max_tokens, so far as it is known."""
        reasons = self.finish_reasons or (self.finish_reason,)
        return number < len(reasons) and reasons[number] == "length"


def joined(replies: tuple[Reply, ...]) -> Reply:
    """One reply of all samples; what is not text is the first one's."""
    first = replies[0]
    if len(replies) == 1:
        return first
    return replace(
        first,
        texts=tuple(text for reply in replies for text in reply.texts),
        thoughts=tuple(thought for reply in replies for thought in reply.thoughts or ("",) * len(reply.texts)),
        finish_reasons=tuple(
            reason for reply in replies for reason in reply.finish_reasons or (reply.finish_reason,) * len(reply.texts)
        ),
        num_input_tokens=sum(reply.num_input_tokens for reply in replies),
        num_output_tokens=sum(reply.num_output_tokens for reply in replies),
    )


Ask = Callable[[Sequence[Request]], list[Reply | None]]
"""Replies in the order of the requests; equal requests are sent once. May be called any number of times.

None: no answer could be had (every attempt failed). It is counted as invalid, it is not kept, and the next run
asks again. Raises UserError, one line, where going on is pointless: a wrong key, an unknown model, an endpoint that
is down, a budget that is spent, a full disk. What was answered until then is kept.

Made by `asking.open_asker(feedback, directory)`, a context manager that gives an object with `.ask`.
"""
