"""A chat completion's body, as bytes from a server that may send anything, to a `Reply`."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from rlaif.feedback.exchange import Reply, TokenLogprobs
from rlaif.feedback.retry import CallFailed, Fate

SHOWN_CHARS = 200
MOST_LOGPROB = 1e-3
"""0, and what rounding adds."""
MOST_NESTED = 200
"""A chat completion nests 8 deep; a parser that recurses can be made to run out of stack."""
STRING = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
BRACKET = re.compile(rb"[\[{\]}]")


def read_body(body: bytes) -> Reply:
    """The reply in a body of status 200.

    Raises:
        CallFailed: it is no chat completion (a page, cut off, wrong types). Never anything else.
    """
    try:
        content = parse(body)
    except ValueError:
        what = "a page, not JSON" if body.lstrip()[:1] == b"<" else "not JSON"
        raise malformed(f"the answer is {what}", body) from None
    if isinstance(content, dict) and content.get("error"):
        raise malformed(f"the answer is an error: {one_line(error_message(content))}", body)
    if not isinstance(content, dict) or not isinstance(content.get("choices"), list):
        raise malformed("the answer has no list of choices", body)
    try:
        return _reply(content)
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise malformed(f"the answer is no chat completion: {one_line(str(error))}", body) from None


def parse(body: bytes) -> Any:
    """What a body says as JSON. ValueError where it is none, or nested more deeply than any answer is."""
    # Few brackets cannot nest deeply: an ordinary body is not looked at twice.
    if body.count(b"[") + body.count(b"{") > MOST_NESTED and _is_deep(body):
        raise ValueError("nested too deeply")
    return json.loads(body, parse_constant=_no_constant)


def _is_deep(body: bytes) -> bool:
    """Whether brackets outside of strings nest more deeply than `MOST_NESTED`."""
    depth = 0
    for bracket in BRACKET.finditer(STRING.sub(b"", body)):
        depth += 1 if bracket.group() in b"[{" else -1
        if depth > MOST_NESTED:
            return True
    return False


def error_message(content: object) -> str:
    """What an error body says: OpenAI's form, FastAPI's, or nothing."""
    if not isinstance(content, dict):
        return ""
    error = content.get("error", content)
    if isinstance(error, dict):
        said = [error.get("message") or content.get("detail"), error.get("code"), error.get("type")]
        return " ".join(str(part) for part in said if part)
    return str(error)


def malformed(said: str, body: bytes) -> CallFailed:
    return CallFailed(said, Fate.retry, "malformed", body=body[:2000].decode("utf-8", "replace"))


def one_line(text: str) -> str:
    return " ".join(text.split())[:SHOWN_CHARS]


def _reply(content: dict[str, Any]) -> Reply:
    usage = content.get("usage") or {}
    choices = content["choices"]
    known = {
        "model": _text(content.get("model")),
        "num_input_tokens": _count(usage.get("prompt_tokens")),
        "num_output_tokens": _count(usage.get("completion_tokens")),
    }
    if not choices:
        return Reply((), unreadable="no choices", **known)  # type: ignore[arg-type]
    texts = tuple(_text(choice["message"].get("content")) for choice in choices)
    first = choices[0]
    return Reply(
        texts,
        _tokens(first),
        _text(first.get("finish_reason")) or "stop",
        unreadable=_unreadable(first, texts),
        **known,  # type: ignore[arg-type]
    )


def _unreadable(choice: dict[str, Any], texts: tuple[str, ...]) -> str:
    if choice.get("finish_reason") == "content_filter":
        return "filtered"
    refusal = choice["message"].get("refusal")
    if refusal:
        return f"refused: {one_line(str(refusal))[:80]!r}"
    return "" if any(text.strip() for text in texts) else "empty"


def _tokens(choice: dict[str, Any]) -> tuple[TokenLogprobs, ...]:
    logprobs = choice.get("logprobs")
    if not isinstance(logprobs, dict):
        return ()
    return tuple(
        TokenLogprobs(_text(token["token"]), _top(token.get("top_logprobs") or []))
        for token in logprobs.get("content") or ()
    )


def _top(tops: list[dict[str, Any]]) -> tuple[tuple[str, float], ...]:
    """(token, log-probability) pairs; the one check over all of them is what makes it fast."""
    words, logprobs = [top["token"] for top in tops], [top["logprob"] for top in tops]
    if not {*map(type, words)} <= {str} or not {*map(type, logprobs)} <= {float, int}:
        raise TypeError("a token and a log-probability expected")
    if logprobs and not (max(logprobs) <= MOST_LOGPROB and min(logprobs) > -math.inf):
        raise TypeError("a log-probability is at most 0")
    return tuple(zip(words, logprobs, strict=True))


def _text(value: object) -> str:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"text expected, not {type(value).__name__}")
    return value or ""


def _count(value: object) -> int:
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError("a number of tokens expected")
    return value


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
