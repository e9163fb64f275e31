"""Servers, one after the other of their habits at a time, through a whole strategy: one call at a time and 64 at once.

Each is a function of the request and of how often it came; its right answer stands beside it: p_yes of every prompt,
with None for those that cannot be answered. Refusals take turns, since a server names one field at a time.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rlaif.config import OpenaiConfig, QuestionsConfig
from rlaif.feedback import endpoints, retry
from rlaif.feedback.asking import Asker
from rlaif.feedback.endpoints import Endpoints
from rlaif.feedback.exchange import Request
from rlaif.feedback.exchange_store import ExchangeStore
from rlaif.feedback.strategies import build_strategy
from rlaif.records import Answer, Example, Sample

Sent = dict[str, Any]
Answers = Callable[[Sent, int], tuple[int, Any]]
NUM_SAMPLES = 14
P = 0.7 / 0.95
TOP = [{"token": "Yes", "logprob": math.log(0.7)}, {"token": "No", "logprob": math.log(0.25)}]
ODD = 0.7 / 0.95, None
"""Of prompts with an even and with an odd number."""


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_DELAY_S", 0.005)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def choice(content: Any = "Yes", finish: str = "stop", **message: Any) -> dict[str, Any]:
    return {"index": 0, "message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}


def completion(sent: Sent, content: Any = "Yes", finish: str = "stop", **message: Any) -> tuple[int, Any]:
    """What a server answers that gives log-probabilities where they are asked for, and as many texts as are."""
    one = choice(content, finish, **message)
    if sent.get("logprobs") and content == "Yes":
        one["logprobs"] = {"content": [{**TOP[0], "top_logprobs": TOP[: sent["top_logprobs"]]}]}
    choices = [{**one, "index": index} for index in range(sent.get("n", 1))]
    return 200, {"model": "m", "choices": choices, "usage": {"prompt_tokens": 9, "completion_tokens": 1}}


def says(message: str, status: int = 400, **fields: Any) -> tuple[int, Any]:
    return status, {"error": {"message": message, "type": "invalid_request_error", **fields}}


def number_of(sent: Sent) -> int:
    return int(sent["messages"][-1]["content"].partition("print(")[2].partition(")")[0])


def is_odd(sent: Sent) -> bool:
    return number_of(sent) % 2 == 1


def o_series(sent: Sent, number: int) -> tuple[int, Any]:
    """Four fields in turn."""
    if sent["messages"][0]["role"] == "system":
        text = "Unsupported value: 'messages[0].role' does not support 'system' with this model."
        return says(text, param="messages[0].role", code="unsupported_value")
    if "max_tokens" in sent:
        text = (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        )
        return says(text, param="max_tokens", code="unsupported_parameter")
    if "temperature" in sent:
        text = "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) is supported."
        return says(text, param="temperature", code="unsupported_value")
    if "logprobs" in sent:
        return says("You are not allowed to request logprobs from this model", 403, param=None)
    return completion(sent)


def gpt_5(sent: Sent, number: int) -> tuple[int, Any]:
    """A name, a least value, a field and a value."""
    if "max_tokens" in sent:
        return says("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", param="max_tokens")
    if sent["max_completion_tokens"] < 16:
        text = (
            "Invalid 'max_completion_tokens': integer below minimum value. Expected a value >= 16, but got 8 instead."
        )
        return says(text, param="max_completion_tokens", code="integer_below_min_value")
    if "top_logprobs" in sent:
        return says("Unsupported parameter: 'top_logprobs' is not supported with this model.", param="top_logprobs")
    return completion(sent) if "temperature" not in sent else says("Only the default temperature (1) is supported")


def whatever_comes_first(sent: Sent, number: int) -> tuple[int, Any]:
    refusals = []
    if "max_tokens" in sent:
        refusals.append(says("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'.", param="max_tokens"))
    if "temperature" in sent:
        detail = [{"loc": ["body", "temperature"], "msg": "extra fields not permitted", "type": "value_error.extra"}]
        refusals.append((422, {"detail": detail}))
    if sent.get("top_logprobs", 0) > 5:
        refusals.append((400, {"error": "top_logprobs must be <= 5"}))
    return random.Random(number_of(sent) + number).choice(refusals) if refusals else completion(sent)


def transformers_serve(sent: Sent, number: int) -> tuple[int, Any]:
    refused = {"logprobs", "top_logprobs", "n"} & set(sent)
    return (422, {"detail": f"Unsupported fields in the request: {refused}"}) if refused else completion(sent)


def streams_alone(sent: Sent, number: int) -> tuple[int, Any]:
    if not sent.get("stream"):
        return says("This model only support stream mode, please enable the stream parameter to access the model.")
    if "stream_options" in sent:
        return says("stream_options is not supported", param="stream_options")
    return 200, b'data: {"choices": [{"delta": {"content": "Yes"}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'


def for_odd(status: int, body: Any) -> Answers:
    return lambda sent, number: (status, body) if is_odd(sent) else completion(sent)


def at_first(*replies: tuple[int, Any]) -> Answers:
    return lambda sent, number: replies[number] if number < len(replies) else completion(sent)


def without(field: str, refusal: tuple[int, Any]) -> Answers:
    return lambda sent, number: refusal if field in sent else completion(sent)


def at_most(most: int, refusal: tuple[int, Any]) -> Answers:
    return lambda sent, number: refusal if sent.get("top_logprobs", 0) > most else completion(sent)


def message(text: str) -> Any:
    return {"error": {"message": text, "type": "invalid_request_error", "param": None, "code": 400}}


BEHAVIOURS: dict[str, tuple[Answers, Any]] = {
    "o-series": (o_series, 1.0),
    "GPT-5": (gpt_5, 1.0),
    "whatever comes first": (whatever_comes_first, P),
    "transformers serve": (transformers_serve, 1.0),
    "streams alone": (streams_alone, 1.0),
    "vLLM's limit": (
        at_most(10, says("Requested sample logprobs of 20, which is greater than max allowed: 10")), P,
    ),
    "MLX's limit": (at_most(10, (400, {"error": "logprobs must be between 1 and 10 but got 20"})), P),
    "a limit in Python's words": (
        at_most(5, says("[{'type': 'less_than_equal', 'loc': ('body', 'top_logprobs'), 'msg': 'Input should be less "
                        "than or equal to 5', 'input': 20, 'ctx': {'le': 5}}]")), P,
    ),
    "a field that Go does not know": (without("logprobs", (400, b'unknown field "logprobs"\n')), 1.0),
    "a field that llama.cpp does not take": (
        without("logprobs", says("logprobs is not supported with tools + stream", 500)), 1.0,
    ),
    "vLLM, too long": (
        for_odd(400, message("This model's maximum context length is 8192 tokens. However, you requested 9000 tokens "
                             "(8992 in the messages, 8 in the completion). Please reduce the length of the messages or "
                             "completion.")), ODD,
    ),
    "vLLM, too long with what is asked for": (
        for_odd(400, message("'max_tokens' or 'max_completion_tokens' is too large: 8. This model's maximum context "
                             "length is 4096 tokens and your request has 5000 input tokens (8 > 4096 - 5000).")), ODD,
    ),
    "Together, too long": (
        for_odd(422, {"error": {"message": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193."
                                " Given: 9000 `inputs` tokens and 8 `max_new_tokens`", "param": "max_tokens"}}), ODD,
    ),
    "LM Studio, too long": (
        for_odd(400, {"error": "Trying to keep the first 5000 tokens when context the overflows. However, the model is "
                      "loaded with context length of only 4096 tokens, which is not enough."}), ODD,
    ),
    "Groq, too large for a minute": (
        for_odd(413, message("Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 9000, "
                             "please reduce your message size and try again.")), ODD,
    ),
    "nginx, too large": (for_odd(413, b"<html><title>413 Request Entity Too Large</title></html>"), ODD),
    "xAI, filtered": (
        for_odd(403, {"code": "The caller does not have permission to execute the specified operation",
                      "error": "Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_BIO"}), ODD,
    ),
    "DeepSeek, filtered": (for_odd(400, message("Content Exists Risk")), ODD),
    "Gemini, filtered": (for_odd(200, {"choices": [{"finish_reason": "content_filter", "index": 0}]}), ODD),
    "Gemini, filtered, in its own words": (
        for_odd(200, {"choices": [{"finish_reason": "PROHIBITED_CONTENT", "index": 0, "message": {}}]}), ODD,
    ),
    "a firewall": (for_odd(403, b"<!DOCTYPE html><title>Attention Required! | Cloudflare</title>"), ODD),
    "no reason at all": (for_odd(400, b""), ODD),
    "a refusal in the answer": (for_odd(200, {"choices": [choice(None, refusal="I'm sorry.")]}), ODD),
    "some think for too long": (for_odd(200, {"choices": [choice(None, "length", reasoning_content="No,")]}), ODD),
    "some think aloud for too long": (for_odd(200, {"choices": [choice("<think>\nNo, no", "length")]}), ODD),
    "some hear no end": (
        for_odd(400, message("Could not finish the message because max_tokens was reached.")), ODD,
    ),
    "a stream of an error": (
        for_odd(200, b'data: {"error": {"message": "prompt is too long: 200012 tokens > 199999 maximum", "code": 400}}'
                b"\n\ndata: [DONE]\n\n"), ODD,
    ),
    "an error with status 200": (at_first((200, {"error": {"message": "Internal error", "code": 500}})), P),
    "an error within the choice": (
        at_first((200, {"choices": [{**choice("No", "error"), "error": {"code": 502, "message": "Upstream"}}]})), P,
    ),
    "broken off": (at_first((200, {"choices": [choice("No", "abort")]})), P),
    "empty twice": (at_first((200, {"choices": [choice("")]}), (200, {"choices": [choice(None)]})), P),
    "no choices": (at_first((200, {"choices": None}), (200, {"choices": []})), P),
    "a page, then half a body": (at_first((200, b"<html>"), (200, b'{"choices": [{"mess')), P),
    "loading": (at_first((503, message("Loading model")), (503, message("Loading model"))), P),
    "overloaded": (at_first((529, {"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}})), P),
    "a stream that ends in its middle": (at_first((200, b'data: {"choices": [{"delta": {"content": "N"}}]}\n\n')), P),
}  # fmt: skip


@pytest.mark.parametrize("at_once", [1, 64])
@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_no_good_answer_is_lost_and_no_bad_one_believed(
    behaviour: str, at_once: int, serve: Callable[..., Any], shipped: Callable[..., QuestionsConfig],
    example: Example, tmp_path: Path,
) -> None:  # fmt: skip
    answer, wanted = BEHAVIOURS[behaviour]
    openai = OpenaiConfig(model="m", base_url=serve(answer).url, max_concurrency=at_once)
    answers = judged(openai, shipped("binary8"), example, tmp_path)
    even, odd = wanted if isinstance(wanted, tuple) else (wanted, wanted)
    for number, one in enumerate(answers):
        expected = (even, odd)[number % 2]
        assert one.p_yes == (None if expected is None else pytest.approx(expected)), one
        assert bool(one.invalid) == (expected is None)
        assert expected is None or one.source == ("text" if expected == 1.0 else "logprobs")
    assert len(ExchangeStore(tmp_path)) >= sum(one.p_yes is not None for one in answers)


def judged(
    openai: OpenaiConfig, config: QuestionsConfig, example: Example, directory: Path, num_questions: int = 1
) -> list[Answer]:
    """The answers to the first questions about different samples."""
    config = replace(config, questions=config.questions[:num_questions])
    samples = [Sample(f"s{n}", example.id, f"print({n})", "sft", 0, "stop") for n in range(NUM_SAMPLES)]
    with Asker(Endpoints(openai), directory, on_warning=lambda line: None) as asker:
        return build_strategy(config, 1).judge(samples, {example.id: example}, asker.ask).answers


@pytest.mark.parametrize("at_once", [1, 64])
@pytest.mark.parametrize(
    ("refused", "status", "body"),
    [
        ({0}, 200, {"choices": [choice(None, "length", reasoning_content="No, wait")]}),
        ({0}, 400, b""),
        ({3, 4, 5}, 403, b"<title>Attention Required! | Cloudflare</title>"),
    ],
)
def test_a_few_samples_of_which_no_question_is_answered_end_no_run(
    refused: set[int], status: int, body: Any, at_once: int, serve: Callable[..., Any],
    shipped: Callable[..., QuestionsConfig], example: Example, tmp_path: Path,
) -> None:  # fmt: skip
    served = serve(lambda sent, number: (status, body) if number_of(sent) in refused else completion(sent))
    openai = OpenaiConfig(model="m", base_url=served.url, max_concurrency=at_once)
    answers = judged(openai, shipped("binary8"), example, tmp_path, num_questions=8)
    assert len(answers) == 8 * NUM_SAMPLES
    assert {one.sample_id for one in answers if one.p_yes is None} == {f"s{number}" for number in refused}


def test_a_delay_that_ends_while_others_are_looked_for_is_not_slept_through(
    serve: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    next_job = endpoints._Round._next_job

    def slowly(self: endpoints._Round, now: float) -> Any:
        job = next_job(self, now)
        time.sleep(0.0 if job else 0.02)  # four times the delay
        return job

    monkeypatch.setattr(endpoints._Round, "_next_job", slowly)
    url = serve(lambda sent, number: completion(sent) if number else (500, b"")).url
    replies: list[Any] = []

    def ask() -> None:
        with Asker(Endpoints(OpenaiConfig(model="m", base_url=url)), tmp_path) as asker:
            replies.extend(asker.ask([Request((("user", "?"),))]))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(5.0)
    assert [reply.texts for reply in replies] == [("Yes",)]
