"""A chat completion's body, as bytes from a server that may send anything, to a `Reply`.

What holds the answer has to be sound: the choices, their messages, their texts. What stands beside it (counts,
log-probabilities, names) is read where it can be, and costs no answer where it cannot.
"""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress
from typing import Any, NamedTuple

from rlaif.data.thought import CUT_OFF
from rlaif.feedback.error_body import one_line, said_by
from rlaif.feedback.exchange import EMPTY, NO_CHOICES, Reply
from rlaif.feedback.lasting import FAILED, is_blank, is_open_thought
from rlaif.feedback.refusal import fate_within
from rlaif.feedback.reply_stream import StreamBroken, unstreamed
from rlaif.feedback.reply_tokens import tokens_of
from rlaif.feedback.retry import CallFailed, Fate
from rlaif.pattern import Pattern

MOST_NESTED = 200
"""A chat completion nests 8 deep; a parser that recurses can be made to run out of stack."""
STRING = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
BRACKET = re.compile(rb"[\[{\]}]")
LENGTH = ("max_tokens", "max_output_tokens", "model_length", "token_limit", "max_length")
"""What others call a finish_reason of "length"."""
FILTERED = (
    "content_filter", "content_filtered", "safety", "prohibited_content", "blocklist", "spii", "recitation",
    "sensitive", "guardrail_intervened", "refusal", "moderation",
)  # fmt: skip
ANSWER = Pattern(r"\W*(?:yes|no|\d{1,3})\W*", re.IGNORECASE)
"""It is no thought: a server that looks for thoughts takes an answer without one for it, as vLLM's parsers do."""
THOUGHTS = ("reasoning_content", "reasoning", "thinking")
"""Fields of a message that hold a thought."""


def read_body(body: bytes) -> Reply:
    """The reply in a body of status 200.

    Raises:
        CallFailed: it is no chat completion (a page, cut off, wrong types), or an error. Never anything else.
    """
    content = _content(body)
    if isinstance(content, list) and len(content) == 1:
        (content,) = content
    if isinstance(content, dict) and _is_error(content.get("error")):
        said = said_by(content)
        fate = fate_within(content["error"], said)
        raise CallFailed(f"the answer is an error: {one_line(said.reason)}", fate, "malformed", body=_shown(body))
    if isinstance(content, dict) and isinstance(content.get("message"), dict) and "choices" not in content:
        content = _of_ollama(content)
    if isinstance(content, dict) and not content.get("choices") and content.get("promptFeedback"):
        content["choices"] = [{"finish_reason": "content_filter"}]
    if not isinstance(content, dict) or not isinstance(content.get("choices"), list):
        said = said_by(content)
        text = f"the answer has no list of choices: {one_line(said.reason)}".removesuffix(": ")
        raise CallFailed(text, fate_within(content, said), "malformed", body=_shown(body))
    try:
        return _reply(content)
    except _Broken as error:
        raise malformed(f"the answer is an error: {one_line(str(error))}", body) from None
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise malformed(f"the answer is no chat completion: {one_line(str(error))}", body) from None


def _content(body: bytes) -> Any:
    """What a body says as JSON, be it in one piece or streamed."""
    try:
        return parse(body)
    except ValueError:
        pass
    if body.lstrip()[:1] == b"<":
        raise malformed("the answer is a page, not JSON", body)
    text = body.decode("utf-8", "replace")
    with suppress(ValueError):
        return parse(text.encode(), strict=False)
    try:
        content = unstreamed(text)
    except StreamBroken as error:
        raise malformed(f"the answer is {error}" if "not JSON" in str(error) else str(error), body) from None
    if content is None:
        raise malformed("the answer is not JSON", body)
    return content


def parse(body: bytes, strict: bool = True) -> Any:
    """What a body says as JSON. ValueError where it is none, or nested more deeply than any answer is.

    Args:
        strict: Control characters within a text are refused, as the standard has it.
    """
    # Few brackets cannot nest deeply: an ordinary body is not looked at twice.
    if body.count(b"[") + body.count(b"{") > MOST_NESTED and _is_deep(body):
        raise ValueError("nested too deeply")
    return json.loads(body, strict=strict)


def _is_deep(body: bytes) -> bool:
    """Whether brackets outside of strings nest more deeply than `MOST_NESTED`."""
    depth = 0
    for bracket in BRACKET.finditer(STRING.sub(b"", body)):
        depth += 1 if bracket.group() in b"[{" else -1
        if depth > MOST_NESTED:
            return True
    return False


def malformed(said: str, body: bytes) -> CallFailed:
    return CallFailed(said, Fate.retry, "malformed", body=_shown(body))


def _shown(body: bytes) -> str:
    return body[:2000].decode("utf-8", "replace")


class _Broken(Exception):
    """No choice holds an answer: the server says that it failed."""


class _Choice(NamedTuple):
    """One choice, read."""

    text: str
    thought: str
    finish: str
    refusal: str
    content: dict[str, Any]


def _reply(content: dict[str, Any]) -> Reply:
    usage = content.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    model = content.get("model")
    known = {
        "model": model if isinstance(model, str) else "",
        "num_input_tokens": count_of(counts.get("prompt_tokens", counts.get("input_tokens"))),
        "num_output_tokens": count_of(counts.get("completion_tokens", counts.get("output_tokens"))),
    }
    if not content["choices"]:
        return Reply((), unreadable=NO_CHOICES, **known)  # type: ignore[arg-type]
    choices = _sound(content["choices"])
    first = choices[0]
    thoughts = tuple(choice.thought for choice in choices)
    return Reply(
        tuple(choice.text for choice in choices),
        tokens_of(first.content),
        first.finish,
        unreadable=_unreadable(first),
        thoughts=thoughts if any(thoughts) else (),
        finish_reasons=tuple(choice.finish for choice in choices) if len(choices) > 1 else (),
        **known,  # type: ignore[arg-type]
    )


def _sound(choices: list[Any]) -> list[_Choice]:
    """The choices that the server did not give up on, in their order; those with a text first."""
    read: list[_Choice] = []
    failures: list[str] = []
    for choice in choices if len(choices) == 1 else _in_order(choices):
        finish = choice.get("finish_reason") or "stop"
        finish = finish.lower() if isinstance(finish, str) else "stop"
        if _is_error(choice.get("error")) or finish in FAILED:
            failures.append(said_by(choice.get("error")).reason or f"finish_reason is {finish!r}")
        else:
            read.append(_choice(choice, "length" if finish in LENGTH else finish))
    if not read:
        raise _Broken(failures[0])
    if len(read) > 1:
        read.sort(key=lambda one: bool(_unreadable(one)))
    return read


def _is_error(error: object) -> bool:
    """Whether something went wrong; {"code": 0, "message": "success"} says that nothing did."""
    if isinstance(error, dict):
        return any(error.values()) and error.get("code") not in (0, 200, "0", "200")
    return bool(error)


def _in_order(choices: list[Any]) -> list[Any]:
    """By index, where each has one."""
    indices = [choice.get("index") for choice in choices]
    if {*map(type, indices)} == {int}:
        return sorted(choices, key=lambda choice: int(choice["index"]))
    return choices


def _choice(choice: dict[str, Any], finish: str) -> _Choice:
    message = choice.get("message") or choice.get("delta") or {}  # none: filtered, or as completions are given
    if isinstance(message, str):
        message = {"content": message}
    said = message.get("content")
    said = choice.get("text") if said is None else said
    text, thought, refusal = (said, "", "") if isinstance(said, str) else _of_parts(said)
    for field in THOUGHTS:
        if not thought and isinstance(message.get(field), str):
            thought = message[field]
    if not thought and isinstance(message.get("reasoning_details"), list):
        thought = _of_parts(message["reasoning_details"])[1]
    if not text.strip() and finish == "stop" and ANSWER.fullmatch(thought):
        text, thought = thought, ""
    return _Choice(text, thought, finish, _refusal(message.get("refusal")) or refusal, choice)


def _of_parts(content: Any) -> tuple[str, str, str]:
    """(text, thought, refusal) of a content that is a list of typed parts, or of a null."""
    if content is None:
        return "", "", ""
    if isinstance(content, dict):
        content = [content]
    if not isinstance(content, list):
        raise TypeError(f"text expected, not {type(content).__name__}")
    text, thought, refusal = "", "", ""
    for part in content:
        if isinstance(part, str):
            text += part
        if not isinstance(part, dict):
            continue
        kind = str(part.get("type", "text"))
        if kind == "refusal":
            refusal += _refusal(part.get("refusal"))
        elif "think" in kind or "reason" in kind:
            thought += _part(part, ("thinking", "reasoning", "text", "summary", "content"))
        else:
            text += _part(part, ("text", "content", "output_text"))
    return text, thought, refusal


def _part(part: dict[str, Any], fields: tuple[str, ...]) -> str:
    """The text of a part, which may be a list of parts itself."""
    value = next((part[field] for field in fields if part.get(field)), "")
    if isinstance(value, list):
        return "".join(_part(one, ("text", *fields)) if isinstance(one, dict) else str(one or "") for one in value)
    value = value.get("value") if isinstance(value, dict) else value
    return value if isinstance(value, str) else ""


def _refusal(value: object) -> str:
    return value if isinstance(value, str) else str(value) if value else ""


def _unreadable(choice: _Choice) -> str:
    if choice.finish != "stop" and any(word in choice.finish for word in FILTERED):
        return "filtered"
    if choice.refusal:
        return f"refused: {one_line(choice.refusal)[:80]!r}"
    if not is_blank(choice.text):
        return CUT_OFF if choice.finish == "length" and is_open_thought(choice.text) else ""
    if choice.finish == "length":
        return CUT_OFF
    return f"{EMPTY} after a thought" if choice.thought.strip() else EMPTY


def _of_ollama(content: dict[str, Any]) -> dict[str, Any]:
    """Ollama's own form of an answer as a chat completion."""
    if content.get("done") is False:
        raise malformed("the stream was cut off", json.dumps(content).encode())
    usage = {"prompt_tokens": content.get("prompt_eval_count"), "completion_tokens": content.get("eval_count")}
    choice = {"message": content["message"], "finish_reason": content.get("done_reason")}
    return {"model": content.get("model"), "choices": [choice], "usage": usage}


def count_of(value: object) -> int:
    """A number of tokens, written as a whole number, a fraction or a text; 0 where it is none, as where it is left
    out."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return 0
    if isinstance(value, float):
        value = int(value) if math.isfinite(value) else 0
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
