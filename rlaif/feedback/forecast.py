"""What asking will take: calls, tokens and dollars, before the first call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from rlaif.feedback.budget import Prices
from rlaif.feedback.exchange import Request
from rlaif.feedback.exchange_store import ExchangeStore

CHARS_A_TOKEN = 4.0
"""The stated estimate where no table of tokens can be had and no reply has said how many there are."""
TOKENS_A_MESSAGE = 4
"""What chat templates add to a message, about."""
NUM_COUNTED = 300
"""So many prompts, evenly spread, are counted token by token; the others by their characters."""
NUM_LEARNT_FROM = 300
TABLES_WITHIN_S = 5.0
ANSWER_SHARE = 0.25
"""Of `max_tokens`, output of a request that expects a word or a number; of one that expects a text, all of it."""


@dataclass(frozen=True)
class Forecast:
    """What a list of requests will take at these prices."""

    num_calls: int
    num_input_tokens: int
    num_output_tokens: int
    cost: float
    counted_by: str
    """How tokens were counted: a table's name, "earlier replies", or the stated estimate."""

    def line(self) -> str:
        tokens = f"{self.num_input_tokens:,} + {self.num_output_tokens:,} tokens ({self.counted_by})"
        return f"forecast: {self.num_calls:,} calls, {tokens}, ${self.cost:.4f}"

    def times(self, factor: float) -> Forecast:
        """Of so many times the requests."""
        return Forecast(
            round(factor * self.num_calls),
            round(factor * self.num_input_tokens),
            round(factor * self.num_output_tokens),
            factor * self.cost,
            self.counted_by,
        )

    def plus(self, other: Forecast) -> Forecast:
        """Of both, counted the same way."""
        return Forecast(
            self.num_calls + other.num_calls,
            self.num_input_tokens + other.num_input_tokens,
            self.num_output_tokens + other.num_output_tokens,
            self.cost + other.cost,
            self.counted_by,
        )


def forecast(requests: Sequence[Request], judge: str, prices: Prices, store: ExchangeStore | None) -> Forecast:
    """Tokens as earlier replies in the store show them, else as tiktoken counts them, else by characters.

    Output is what earlier replies to the same purpose took, else a stated guess.
    """
    learnt = _learn(store, judge) if store is not None else _Learnt(None, {})
    num_chars = sum(_num_chars(request) for request in requests)
    if learnt.tokens_a_char:
        counted_by, tokens_a_char = "earlier replies", learnt.tokens_a_char
        num_input = num_chars * tokens_a_char
    else:
        counted_by, num_input = _count(requests, num_chars, judge)
    num_output = sum(
        learnt.output.get(request.purpose, _expected_output(request)) * request.num_samples for request in requests
    )
    cost = prices.cost(num_input, num_output)
    return Forecast(len(requests), round(num_input), round(num_output), cost, counted_by)


@dataclass(frozen=True)
class _Learnt:
    tokens_a_char: float | None
    output: dict[str, float]
    """By purpose, output tokens a sample."""


def _learn(store: ExchangeStore, judge: str) -> _Learnt:
    """What the store's replies of a judge's model say about tokens."""
    model = judge.partition(":")[2]
    num_chars = num_tokens = 0
    output: dict[str, list[float]] = {}
    for record in islice(store.answers(), NUM_LEARNT_FROM):
        if record.get("asked_model") != model or not record.get("num_input_tokens") or not record.get("num_chars"):
            continue
        num_chars += record["num_chars"] * record.get("calls", 1)
        num_tokens += record["num_input_tokens"]
        samples = max(1, len(record["texts"]))
        output.setdefault(record["purpose"], []).append(record["num_output_tokens"] / samples)
    means = {purpose: sum(counts) / len(counts) for purpose, counts in output.items()}
    return _Learnt(num_tokens / num_chars if num_chars else None, means)


def _count(requests: Sequence[Request], num_chars: int, judge: str) -> tuple[str, float]:
    """(how, tokens): a sample of the prompts by tiktoken's table, and the rest by their characters."""
    encode = table_of(judge.partition(":")[2])
    if encode is None or not num_chars:
        num_messages = sum(len(request.messages) for request in requests)
        return f"estimate: {CHARS_A_TOKEN:g} characters a token", (
            num_chars / CHARS_A_TOKEN + num_messages * TOKENS_A_MESSAGE
        )
    counted = requests[:: max(1, len(requests) // NUM_COUNTED)]
    tokens = sum(len(encode(text)) + TOKENS_A_MESSAGE for request in counted for _, text in request.messages)
    return "tiktoken", tokens * num_chars / max(1, sum(map(_num_chars, counted)))


def table_of(model: str) -> Callable[[str], Sequence[int]] | None:
    """tiktoken's encoder of a model; None where it knows no such model, or its table cannot be had in time."""
    import tiktoken

    try:
        tiktoken.encoding_name_for_model(model)
    except KeyError:
        return None
    found: list[Any] = []

    def load() -> None:
        try:
            found.append(tiktoken.encoding_for_model(model))
        except Exception:  # whatever its download raises: there is no table then
            return

    thread = threading.Thread(target=load, daemon=True)
    thread.start()
    thread.join(TABLES_WITHIN_S)
    if not found:
        return None
    encoding = found[0]
    return lambda text: encoding.encode(text, disallowed_special=())  # type: ignore[no-any-return]


def _expected_output(request: Request) -> float:
    return request.max_tokens * (1.0 if request.expects == "text" else ANSWER_SHARE)


def _num_chars(request: Request) -> int:
    return sum(len(text) for _, text in request.messages)
