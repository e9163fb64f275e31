"""A body to a reply: what stands beside an answer costs no answer, and a stream is read like a body."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from rlaif.feedback.budget import Budget, Prices, Spending
from rlaif.feedback.exchange import Reply, Request, TokenLogprobs
from rlaif.feedback.reply_body import count_of, read_body
from rlaif.feedback.retry import CallFailed, Fate

Chat = Callable[..., dict[str, Any]]
YES, NO = {"token": "Yes", "logprob": -0.25}, {"token": "No", "logprob": -1.5}


def body_of(content: Any) -> bytes:
    return json.dumps(content).encode()


def token(*tops: Any, chosen: Any = "Yes", logprob: Any = -0.25, **more: Any) -> dict[str, Any]:
    return {"content": [{"token": chosen, "logprob": logprob, "top_logprobs": list(tops), **more}]}


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 2}, (9, 2)),
        ({"prompt_tokens": 9.0, "completion_tokens": "2"}, (9, 2)),
        ({"prompt_tokens": -1, "completion_tokens": None}, (0, 0)),
        (
            {"prompt_tokens": None, "completion_tokens": "many", "prompt_tokens_details": {"cached_tokens": None}},
            (0, 0),
        ),
        ({"prompt_tokens": True, "completion_tokens": [2]}, (0, 0)),
        ({"prompt_tokens": math.inf, "completion_tokens": math.nan}, (0, 0)),
        ({"input_tokens": 9, "output_tokens": 2}, (9, 2)),
        ([1], (0, 0)),
        ("none", (0, 0)),
        (0, (0, 0)),
    ],
)
def test_an_odd_count_costs_no_answer(usage: Any, counts: tuple[int, int], completion_of: Chat) -> None:
    reply = read_body(body_of(completion_of("Yes", usage=usage)))
    assert (reply.texts, reply.unreadable) == (("Yes",), "")
    assert (reply.num_input_tokens, reply.num_output_tokens) == counts


def test_a_count_that_is_not_there_is_the_worst_case(completion_of: Chat) -> None:
    from rlaif.feedback.work import Job, Work

    request = Request((("user", "x" * 68),), max_tokens=8)  # at most 68 + 16 + 32 tokens
    for usage, dollars in (((0, 0), 116 + 8), ((9, 0), 9 + 8), ((9, 2), 9 + 2)):
        work = Work({}, None, None, Prices(1e6, 1e6), Budget(), Spending(), lambda key, reply: None)  # type: ignore[arg-type]
        assert work.answered(Job("k", request), Reply(("yes",), (), "stop", "m", *usage)) == dollars


@pytest.mark.parametrize(
    ("logprobs", "top"),
    [
        (token(YES, NO), (("Yes", -0.25), ("No", -1.5))),
        (token(YES, NO, {"token": "Maybe", "logprob": None}), (("Yes", -0.25), ("No", -1.5))),
        (token(YES, NO, {"token": "Maybe", "logprob": -math.inf}), (("Yes", -0.25), ("No", -1.5))),
        (token(YES, NO, {"token": "Maybe", "logprob": math.nan}), (("Yes", -0.25), ("No", -1.5))),
        (token(YES, NO, {"token": "Maybe", "logprob": 3.0}), (("Yes", -0.25), ("No", -1.5))),
        (token(YES, NO, {"token": None, "logprob": -2.0}), (("Yes", -0.25), ("No", -1.5))),
        (token(YES, {"token": "No", "logprob": "-1.5"}), (("Yes", -0.25), ("No", -1.5))),
        (token(YES, {"token": "No", "logprob": "-9999"}), (("Yes", -0.25), ("No", -9999.0))),
        (token(YES, {"logprob": -1.5}, None, "No"), (("Yes", -0.25),)),
        (token(NO), (("Yes", -0.25), ("No", -1.5))),  # the chosen one is not among the most likely
        (token(NO, logprob=None), (("No", -1.5),)),
        (token({"token": "No", "logprob": -0.01}, logprob=0.0), (("No", -0.01),)),  # together above 1: no probability
        (token(), ()),
        ({"content": [{"token": "Yes", "logprob": -0.1, "top_logprobs": None}]}, ()),
        ({"content": [{"token": "Yes", "logprob": -0.1}]}, ()),
        ({"content": [{"token": "Yes", "top_logprobs": {"Yes": -0.25, "No": -1.5}}]}, (("Yes", -0.25), ("No", -1.5))),
        (
            {"tokens": ["Yes"], "token_logprobs": [-0.25], "top_logprobs": [{"Yes": -0.25, "No": -1.5}]},
            (("Yes", -0.25), ("No", -1.5)),
        ),
    ],
)
def test_an_odd_log_probability_costs_no_other(
    logprobs: Any, top: tuple[tuple[str, float], ...], completion_of: Chat
) -> None:
    reply = read_body(body_of(completion_of("Yes", logprobs=logprobs)))  # json.dumps writes NaN and Infinity as such
    assert (reply.texts, reply.tokens) == (("Yes",), (TokenLogprobs("Yes", top),))


@pytest.mark.parametrize(
    "logprobs",
    [
        7, "x", [], {"content": None}, {"content": "x"}, {"content": [None]}, {"content": [{"token": None}]},
        {"tokens": 5}, {"content": [{"token": "Y"}, {"logprob": -1.0}]},
    ],
)  # fmt: skip
def test_tokens_that_cannot_be_read_leave_the_text(logprobs: Any, completion_of: Chat) -> None:
    reply = read_body(body_of(completion_of("Yes", logprobs=logprobs)))
    assert (reply.texts, reply.tokens, reply.unreadable) == (("Yes",), (), "")


@pytest.mark.parametrize(
    ("message", "text", "thought"),
    [
        ({"text": "Yes", "reasoning_content": "Hm."}, "Yes", "Hm."),
        ({"text": "Yes", "reasoning": "Hm.", "reasoning_content": None}, "Yes", "Hm."),
        ({"text": "Yes", "reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]}, "Yes", "Hm."),
        ({"text": ["Y", {"type": "text", "text": "es"}]}, "Yes", ""),
        ({"text": [{"type": "output_text", "text": "Yes", "annotations": []}]}, "Yes", ""),
        ({"text": {"type": "text", "text": "Yes"}}, "Yes", ""),
        ({"text": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Yes"}]}, "Yes", "Hm."),
        (
            {"text": [{"type": "reasoning", "summary": [{"text": "Hm."}]}, {"type": "text", "text": "Yes"}]},
            "Yes",
            "Hm.",
        ),
        (
            {"text": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"text": "Yes"}]},
            "Yes",
            "Hm.",
        ),
        ({"text": [{"type": "redacted_thinking", "data": "x"}, {"type": "text", "text": "Yes"}]}, "Yes", ""),
        ({"text": "Yes", "refusal": None, "tool_calls": []}, "Yes", ""),
        ({"text": None, "reasoning_content": "\nYes"}, "\nYes", ""),  # it thought nothing, and the server missed it
        ({"text": None, "reasoning": "**7**"}, "**7**", ""),
    ],
)
def test_where_text_and_thought_stand(message: Any, text: str, thought: str, completion_of: Chat) -> None:
    reply = read_body(body_of(completion_of(**message)))
    assert (reply.texts, reply.thoughts, reply.unreadable) == ((text,), (thought,) if thought else (), "")


@pytest.mark.parametrize(
    ("change", "unreadable"),
    [
        ({"finish_reason": "content_filter"}, "filtered"),
        ({"finish_reason": "SAFETY"}, "filtered"),
        ({"finish_reason": "content_filter", "message": None}, "filtered"),
        ({"message": {"content": None, "refusal": "I cannot"}}, "refused: 'I cannot'"),
        ({"message": {"content": [{"type": "refusal", "refusal": "I cannot"}]}}, "refused: 'I cannot'"),
        ({"finish_reason": "MAX_TOKENS", "message": {"content": ""}}, "cut off within a thought"),
        ({"finish_reason": "length", "message": {"content": "<think>\nno"}}, "cut off within a thought"),
        ({"message": {"content": None, "reasoning": "Hm."}}, "empty after a thought"),
        ({"message": {"content": None, "reasoning": "No"}, "finish_reason": "length"}, "cut off within a thought"),
        ({"message": {"content": None, "reasoning": "No import is"}}, "empty after a thought"),
        ({"message": {"content": None, "tool_calls": [{}]}}, "empty"),
        ({"message": {}}, "empty"),
        ({"message": None}, "empty"),
    ],
)
def test_why_there_is_no_answer(change: Any, unreadable: str, completion_of: Chat) -> None:
    whole = completion_of("yes")
    whole["choices"][0].update(change)
    assert read_body(body_of(whole)).unreadable == unreadable


def test_a_prompt_that_gemini_blocks_is_filtered() -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 9}}
    assert read_body(body_of(blocked)).unreadable == "filtered"
    finish = {"choices": [{"index": 0, "finish_reason": "content_filter: PROHIBITED_CONTENT"}]}
    assert read_body(body_of(finish)).unreadable == "filtered"


def test_several_choices_come_in_their_order() -> None:
    def choice(index: Any, text: str, finish: str = "stop") -> dict[str, Any]:
        return {"index": index, "message": {"content": text}, "finish_reason": finish, "logprobs": token(YES, NO)}

    reply = read_body(body_of({"choices": [choice(2, "c", "length"), choice(0, "a"), choice(1, "b")]}))
    assert (reply.texts, reply.finish_reasons) == (("a", "b", "c"), ("stop", "stop", "length"))
    assert [reply.is_cut_off(number) for number in range(3)] == [False, False, True]
    reply = read_body(body_of({"choices": [choice(None, "a", "content_filter"), choice(None, "b")]}))
    assert (reply.texts, reply.finish_reason, reply.unreadable) == (("b", "a"), "stop", "")


def test_marks_before_a_body_are_passed_over(completion_of: Chat) -> None:
    body = body_of(completion_of("Yes"))
    for before in (b"", b"\xef\xbb\xbf", b"\n \n  \n", b": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n"):
        assert read_body(before + body).texts == ("Yes",)


# streams


def chunk(text: str | None = None, finish: str | None = None, logprobs: Any = None, **delta: Any) -> dict[str, Any]:
    content = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": {**content, **delta}, "finish_reason": finish, "logprobs": logprobs}
    return {"object": "chat.completion.chunk", "model": "m", "choices": [choice]}


CHUNKS = [
    chunk(role="assistant", content=""),
    chunk(reasoning_content="H"), chunk(reasoning_content="m."),
    chunk("Y", logprobs={"content": [{"token": "Y", "top_logprobs": [{"token": "Y", "logprob": -0.5}]}]}),
    chunk("es\u2028", logprobs={"content": [{"token": "es", "top_logprobs": []}]}),
    chunk(finish="stop"),
    {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2}},
]  # fmt: skip
WHOLE = Reply(
    ("Yes\u2028",), (TokenLogprobs("Y", (("Y", -0.5),)), TokenLogprobs("es", ())), "stop", "m", 9, 2, thoughts=("Hm.",)
)


def events(chunks: list[Any], end: str = "\n", done: bool = True, before: str = "") -> bytes:
    lines = [f"data: {json.dumps(one, ensure_ascii=False)}{end}{end}" for one in chunks]
    return (before + "".join(lines) + (f"data: [DONE]{end}{end}" if done else "")).encode()


@pytest.mark.parametrize(
    "body",
    [
        events(CHUNKS),
        events(CHUNKS, end="\r\n"),
        events(CHUNKS, end="\r"),
        events(CHUNKS, done=False),  # it has said why it ended
        events(CHUNKS, before=": keep-alive\n\nevent: message\nid: 1\nretry: 5\n"),
        events(CHUNKS, before="\ufeff"),
        "".join(f"data:{json.dumps(one)}\n" for one in CHUNKS).encode(),
        "".join(f"{json.dumps(one)}\n" for one in CHUNKS).encode(),  # a line each, without `data:`
        b"".join(b"data: " + json.dumps(one, indent=1).replace("\n", "\ndata: ").encode() + b"\n\n" for one in CHUNKS),
    ],
)
def test_a_stream_is_read_like_a_body(body: bytes) -> None:
    assert read_body(body) == WHOLE


def test_ollamas_own_stream_is_read() -> None:
    parts: list[dict[str, Any]] = [
        {"model": "m", "message": {"role": "assistant", "content": "", "thinking": "Hm."}, "done": False},
        {"model": "m", "message": {"role": "assistant", "content": "Y"}, "done": False},
        {"model": "m", "message": {"role": "assistant", "content": "es"}, "done": False},
    ]
    last = {"model": "m", "message": {"content": ""}, "done": True, "done_reason": "stop", "prompt_eval_count": 9}
    reply = read_body("\n".join(map(json.dumps, [*parts, last])).encode())
    assert reply == Reply(("Yes",), (), "stop", "m", 9, thoughts=("Hm.",))
    assert read_body(json.dumps({**last, "message": {"content": "Yes"}}).encode()).texts == ("Yes",)
    with pytest.raises(CallFailed, match="cut off"):
        read_body("\n".join(map(json.dumps, parts)).encode())


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (events(CHUNKS[:4], done=False), "cut off"),
        (events(CHUNKS)[:-60].rpartition(b"data:")[0] + b'data: {"choi', "cut off"),
        (events([*CHUNKS[:3], {"error": {"message": "overloaded", "code": 503}}], done=False), "cut off|overloaded"),
        (events([*CHUNKS[:3], {"error": {"message": "overloaded"}}]), "overloaded"),
        (events([{"type": "message_start"}, {"type": "content_block_delta", "delta": {}}]), "content_block_delta"),
        (b"data: [DONE]\n\n" * 0 + b"data: nothing\n\n", "cut off"),
        (b"{}\n{}\n", "cut off"),
        (b"data: [\n" * 100_000, "cut off"),
    ],
)  # fmt: skip
def test_half_a_stream_is_a_failed_call(body: bytes, said: str) -> None:
    with pytest.raises(CallFailed, match=said) as failed:
        read_body(body)
    assert (failed.value.fate, failed.value.cause) == (Fate.retry, "malformed")


@pytest.mark.parametrize(
    ("error", "fate"),
    [
        ({"message": "Provider disconnected", "code": 502}, Fate.retry),
        ("overloaded", Fate.retry),
        ({"message": "Rate limited", "code": 429}, Fate.retry),
        ({"message": "bad field", "code": 400}, Fate.retry),
        ({"message": "prompt is too long: 9 tokens > 8 maximum", "code": 400}, Fate.reject),
        ({"message": "Insufficient credits", "code": 402}, Fate.stop),
        ({"message": "Invalid API key", "code": 401}, Fate.stop),
    ],
)
def test_an_error_with_a_status_of_200(error: Any, fate: Fate) -> None:
    with pytest.raises(CallFailed) as failed:
        read_body(body_of({"error": error}))
    assert failed.value.fate is fate


@pytest.mark.parametrize("error", [None, "", {}, [], False, {"code": 0, "message": ""}])
def test_an_error_that_says_that_there_is_none(error: Any, completion_of: Chat) -> None:
    whole = completion_of("Yes")
    whole["error"] = whole["choices"][0]["error"] = error
    assert read_body(body_of(whole)).texts == ("Yes",)
    assert read_body(body_of([whole])).texts == ("Yes",)  # in a list of its own, as Gemini sends errors


def test_counts() -> None:
    assert list(map(count_of, (7, 7.0, "7", "7.0", -1, 7.5, "x", None, True, 10**400))) == [
        7, 7, 7, 7, 0, 7, 0, 0, 0, 10**400,
    ]  # fmt: skip
