"""The log-probabilities of a choice, from a server that may leave out or misspell any of them.

A log-probability that is none (null, NaN, above 0) is left out, and so are all of a choice where the tokens themselves
cannot be read: what cannot be read from tokens is read from the text.
"""

from __future__ import annotations

import math
from typing import Any

from rlaif.feedback.exchange import MOST_LOGPROB, TokenLogprobs

MOST_MASS = 1.01
"""Probabilities at one position, and what rounding adds."""
NO_DISTRIBUTION = 1.05
"""Alternatives that add up to more are placeholders, such as 0 for each."""

Top = tuple[tuple[str, float], ...]


def tokens_of(choice: dict[str, Any]) -> tuple[TokenLogprobs, ...]:
    """Every generated token of a choice with the most likely ones at its position; () where there are none."""
    logprobs = choice.get("logprobs")
    if not isinstance(logprobs, dict):
        return ()
    content = logprobs.get("content")
    if not isinstance(content, list):
        content = _of_completions(logprobs)
    try:
        return tuple(TokenLogprobs(_text(token["token"]), _top(token)) for token in content)
    except (TypeError, ValueError, KeyError, AttributeError):
        return ()


def _top(token: dict[str, Any]) -> Top:
    """(token, log-probability) pairs, the chosen token's among them.

    The one check over all of them is what makes it fast.
    """
    tops = token.get("top_logprobs")
    if not tops:
        return ()
    if isinstance(tops, list):
        try:
            words, logprobs = [top["token"] for top in tops], [top["logprob"] for top in tops]
        except (TypeError, KeyError):
            return _sound_top(token, [top for top in tops if isinstance(top, dict)])
        if (
            {*map(type, words)} <= {str}
            and {*map(type, logprobs)} <= {float, int}
            and max(logprobs) <= MOST_LOGPROB
            and min(logprobs) > -math.inf
            and sum(map(math.exp, logprobs)) <= NO_DISTRIBUTION  # false with a NaN too
            and token["token"] in words
        ):
            return tuple(zip(words, logprobs, strict=True))
        return _sound_top(token, tops)
    return _sound_top(token, [{"token": word, "logprob": logprob} for word, logprob in tops.items()])


def _sound_top(token: dict[str, Any], tops: list[dict[str, Any]]) -> Top:
    """What can be believed of the alternatives, and the chosen token where they leave it out."""
    found: list[tuple[str, float]] = []
    for top in tops:
        word, logprob = top.get("token"), _logprob(top.get("logprob"))
        if isinstance(word, str) and logprob is not None:
            found.append((word, logprob))
    found = list(dict.fromkeys(found))  # some servers give the chosen one twice
    if sum(math.exp(logprob) for _, logprob in found) > NO_DISTRIBUTION:
        return ()
    chosen, logprob = token["token"], _logprob(token.get("logprob"))
    if found and logprob is not None and chosen not in (word for word, _ in found):
        mass = math.exp(logprob) + sum(math.exp(other) for _, other in found)
        if mass <= MOST_MASS:  # above it, one of them is a placeholder
            found.insert(0, (chosen, logprob))
    return tuple(found)


def _logprob(value: object) -> float | None:
    """A log-probability, written as a number or as a text; None where it is none. -inf says 0, and is left out."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if -math.inf < number <= MOST_LOGPROB else None


def _of_completions(logprobs: dict[str, Any]) -> list[dict[str, Any]]:
    """The older form that some servers keep: lists side by side, the alternatives as {token: log-probability}."""
    words, tops = logprobs.get("tokens"), logprobs.get("top_logprobs")
    if not isinstance(words, list) or not isinstance(tops, list) or len(words) != len(tops):
        return []
    own = logprobs.get("token_logprobs")
    own = own if isinstance(own, list) and len(own) == len(words) else [None] * len(words)
    return [
        {"token": word, "logprob": logprob, "top_logprobs": top}
        for word, logprob, top in zip(words, own, tops, strict=True)
    ]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a token is a text")
    return value
