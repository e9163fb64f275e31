"""The forms in which servers and gateways give one and the same answer, and those that are no answer though they look
like one."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rlaif.config import OpenaiConfig
from rlaif.feedback import retry
from rlaif.feedback.asking import Asker
from rlaif.feedback.endpoints import Endpoints
from rlaif.feedback.exchange import Reply, Request
from rlaif.feedback.exchange_store import ExchangeStore
from rlaif.feedback.lasting import FAILED, lasts
from rlaif.feedback.reading import read
from rlaif.feedback.reply_body import read_body
from rlaif.feedback.retry import CallFailed, Fate

YES_NO = Request((("user", "?"),))
P = 0.7 / 0.95
TOP = [{"token": "Yes", "logprob": math.log(0.7)}, {"token": "No", "logprob": math.log(0.25)}]


def body(content: Any = "Yes", top: list[Any] | None = None, **choice: Any) -> dict[str, Any]:
    """A chat completion; with `top`, its log-probabilities."""
    tokens = [{"token": "Yes", "logprob": math.log(0.7), "top_logprobs": top}]
    message = {"role": "assistant", "content": content}
    whole = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": {"content": tokens} if top else None}
    return {"object": "chat.completion", "model": "m", "choices": [{**whole, **choice}]}


def raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


WITH_P = json.dumps(body(top=TOP))
STREAMED = (
    '{"choices": [{"index": 0, "text": "Y", "finish_reason": null}]}',
    '{"choices": [{"index": 0, "text": "es", "finish_reason": "stop"}]}',
)
YES: dict[str, tuple[Any, float]] = {
    "plain": (body(), 1.0),
    "a piece of a letter in a token": (WITH_P.encode().replace(b'"No"', b'"No", "id": "\xf0\x9f"'), P),
    "a line break as it is": (raw(json.dumps(body("Yes@")).replace("@", "\n")), 1.0),
    "a byte order mark": (b"\xef\xbb\xbf" + WITH_P.encode(), P),
    "space that kept the line open": (b"\n\n   " + WITH_P.encode(), P),
    "a delta": ({"choices": [{"index": 0, "delta": {"content": "Yes"}, "finish_reason": "stop"}]}, 1.0),
    "a text": ({"choices": [{"text": "Yes", "finish_reason": "stop"}]}, 1.0),
    "a text beside a null": (body(None, text="Yes"), 1.0),
    "a message that is a text": ({"choices": [{"message": "Yes"}]}, 1.0),
    "parts with a value": (body([{"type": "text", "text": {"value": "Yes", "annotations": []}}]), 1.0),
    "a null among the parts": (body([None, {"type": "text", "text": "Yes"}]), 1.0),
    "a picture among the parts": (body([{"type": "image_url", "image_url": {}}, {"type": "text", "text": "Yes"}]), 1.0),
    "a redacted thought": (body([{"type": "redacted_thinking", "data": "no"}, {"type": "text", "text": "Yes"}]), 1.0),
    "odd details of a thought": (
        body(message={"content": "Yes", "reasoning_details": [None, "no", {"text": None}]}), 1.0,
    ),
    "an error of nothing": ({**body(top=TOP), "error": {"code": "", "message": ""}}, P),
    "an error of success": ({**body(top=TOP), "error": {"code": 0, "message": "success"}}, P),
    "streamed as texts": (raw("".join(f"data: {one}\n\n" for one in STREAMED)), 1.0),
    "a line each": (raw("".join(f"{one}\n" for one in STREAMED)), 1.0),
    "one alternative twice": (body(top=[TOP[0], *TOP]), P),
    "placeholders for probabilities": (body(top=[{**one, "logprob": 0.0} for one in TOP]), 1.0),
    "probabilities in place of their logarithms": (body(top=[{**one, "logprob": 0.7} for one in TOP]), 1.0),
    "an end behind it": (body("Yes<|im_end|>"), 1.0),
}  # fmt: skip


@pytest.mark.parametrize("form", YES)
def test_an_answer_is_read_in_whatever_form(form: str) -> None:
    given, p_yes = YES[form]
    reading = read(YES_NO, read_body(given if isinstance(given, bytes) else json.dumps(given).encode()))
    assert reading.probabilities.get("yes") == pytest.approx(p_yes, abs=1e-6), reading.invalid
    assert reading.source == ("text" if p_yes == 1.0 else "logprobs")


BLANK = ["", "  \n", "<|im_end|>", "\n<|eot_id|>\n", "</s>", "<eos>", "<end_of_turn>\n", "\u200b", "\ufeff", "\0"]


@pytest.mark.parametrize("text", BLANK)
def test_a_text_that_shows_nothing_is_no_answer(text: str) -> None:
    reply = read_body(json.dumps(body(text)).encode())
    assert reply.unreadable == "empty" and not lasts(reply)
    assert not lasts(Reply((text,)))  # as an earlier version kept it
    assert lasts(Reply((f"{text}Not sure",)))


@pytest.mark.parametrize("reason", [*FAILED, "INSUFFICIENT_SYSTEM_RESOURCE"])
def test_what_a_server_broke_off_says_nothing(reason: str) -> None:
    with pytest.raises(CallFailed) as failed:
        read_body(json.dumps(body("No", finish_reason=reason)).encode())
    assert failed.value.fate is Fate.retry


def test_the_first_line_of_a_stream_is_no_answer() -> None:
    with pytest.raises(CallFailed, match="cut off"):
        read_body(b'{"model": "m", "message": {"role": "assistant", "content": "No"}, "done": false}\n')


Served = Callable[..., Any]


def asked(url: str, directory: Path, *requests: Request) -> list[Reply | None]:
    with Asker(Endpoints(OpenaiConfig(model="m", base_url=url)), directory) as asker:
        return asker.ask(list(requests))


@pytest.mark.parametrize("status", [200, 201, 203])
def test_any_status_of_success_has_an_answer(status: int, serve: Served, tmp_path: Path) -> None:
    (reply,) = asked(serve(lambda sent, number: (status, body(top=TOP))).url, tmp_path, YES_NO)
    assert read(YES_NO, reply).probabilities["yes"] == pytest.approx(P)


@pytest.mark.parametrize("status", [408, 409, 425, 498, 499, 500, 503, 520, 529])
def test_a_status_that_passes_is_asked_again(
    status: int, serve: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "FIRST_DELAY_S", 0.01)
    served = serve(lambda sent, number: (200, body()) if number else (status, b""))
    (reply,) = asked(served.url, tmp_path, YES_NO)
    assert reply is not None and reply.texts == ("Yes",) and len(served.requests) == 2


def test_more_texts_than_were_asked_for_are_no_votes(serve: Served, tmp_path: Path) -> None:
    texts = ["Yes", "Yes", "No", "No", "Yes", "No", "No"]
    choices = [body(text, index=index)["choices"][0] for index, text in enumerate(texts)]
    url = serve(lambda sent, number: (200, {**body(), "choices": choices})).url
    votes = Request((("user", "?"),), num_samples=5, temperature=1.0)
    one, five = asked(url, tmp_path, YES_NO, votes)
    assert read(YES_NO, one).probabilities == {"yes": 1.0, "no": 0.0}
    assert read(votes, five).probabilities == {"yes": pytest.approx(0.6), "no": pytest.approx(0.4)}


def test_a_store_with_texts_that_show_nothing_is_asked_again(serve: Served, tmp_path: Path) -> None:
    requests = [Request((("user", f"{number}"),)) for number in range(len(BLANK))]
    url = serve(lambda sent, number: (200, body())).url
    with Asker(Endpoints(OpenaiConfig(model="m", base_url=url)), tmp_path) as asker:
        for request, text in zip(requests, BLANK, strict=True):
            asker.store.keep(asker.key(request), request, Reply((text,)), {})
    assert len(ExchangeStore(tmp_path)) == 0
    assert all(reply is not None and reply.texts == ("Yes",) for reply in asked(url, tmp_path, *requests))
