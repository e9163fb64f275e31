"""The judge behind endpoints against what they do, on a loopback server that does it."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from rlaif.config import OpenaiConfig
from rlaif.errors import UserError
from rlaif.feedback import retry
from rlaif.feedback.asking import Asker
from rlaif.feedback.budget import Prices
from rlaif.feedback.endpoints import FAILURES_IN_A_ROW, Endpoints
from rlaif.feedback.exchange import Request
from rlaif.feedback.judge import UNANSWERED, Item
from rlaif.feedback.questions import QuestionSet
from rlaif.feedback.reading import NO_REPLY
from rlaif.records import Answer

MakeItems = Callable[..., list[Item]]


@dataclass(frozen=True)
class Reply:
    """What the server sends for one request."""

    body: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


@dataclass
class Server:
    """A loopback endpoint. `replies` are sent in order, the last one again and again."""

    url: str = ""
    replies: list[Reply] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reply_to(self, request: dict[str, Any]) -> Reply:
        with self.lock:
            self.requests.append(request)
            self.times.append(monotonic())
            return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            reply = state.reply_to(json.loads(self.rfile.read(length)))
            body = reply.body.encode()
            self.send_response(reply.status)
            for name, value in {"Content-Type": reply.content_type, **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(ConnectionError):  # a client that has stopped does not wait for its replies
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{http.server_port}/v1"
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield state
    http.shutdown()
    http.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_DELAY_S", 0.01)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def saying(content: str | None, top: dict[str, float] | None = None, **choice: object) -> Reply:
    """A chat completion; `top` gives the probabilities at its only token."""
    logprobs = None
    if top is not None:
        tokens = [{"token": token, "logprob": math.log(p), "bytes": None} for token, p in top.items()]
        logprobs = {"content": [{"token": content, "logprob": -0.1, "bytes": None, "top_logprobs": tokens}]}
    message = {"role": "assistant", "content": content, **({"refusal": choice.pop("refusal", None)})}
    first = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": logprobs, **choice}
    return Reply(json.dumps({"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [first]}))


def failing(status: int, message: str = "no", headers: dict[str, str] | None = None, **error: str) -> Reply:
    return Reply(json.dumps({"error": {"message": message, **error}}), status, headers or {})


PAGE = Reply("<html><body>502 Bad Gateway</body></html>", 200, content_type="text/html")


MakeAsker = Callable[..., Asker]
MakeJudge = Callable[..., Callable[[list[Item]], list[Answer]]]


@pytest.fixture
def make_asker(server: Server, tmp_path: Path) -> Iterator[MakeAsker]:
    """An asker with a store of its own, or with the one that is named."""
    opened: list[Asker] = []

    def make(store: str = "", **settings: Any) -> Asker:
        given = {"max_attempts": 3, "timeout_s": 5.0, "max_concurrency": 4, "base_url": server.url, **settings}
        asker = Asker(Endpoints(OpenaiConfig(model="judge-model", **given)), tmp_path / (store or str(len(opened))))
        opened.append(asker)
        return asker

    yield make
    for asker in opened:
        asker.close()


@pytest.fixture
def make_judge(make_asker: MakeAsker, answers_to: Callable[..., list[Answer]]) -> MakeJudge:
    """A function from items to answers, by an asker of `make_asker`."""

    def make(store: str = "", max_answer_tokens: int = 8, **settings: Any) -> Callable[[list[Item]], list[Answer]]:
        ask = make_asker(store, **settings).ask
        return lambda items: answers_to(ask, items, max_answer_tokens=max_answer_tokens)

    return make


@pytest.fixture
def ask(server: Server, make_judge: MakeJudge, make_items: MakeItems) -> Callable[..., Answer]:
    """The answer to one question after the given replies."""

    def ask_once(*replies: Reply, **settings: Any) -> Answer:
        server.replies = list(replies)
        (answer,) = make_judge(**settings)(make_items("x"))
        return answer

    return ask_once


Ask = Callable[..., Answer]


def test_the_request(ask: Ask, server: Server, questions: QuestionSet) -> None:
    ask(saying("yes"), max_answer_tokens=5)
    (request,) = server.requests
    assert [message["role"] for message in request["messages"]] == ["system", "user"]
    assert json.dumps(questions.questions[0].text) in request["messages"][1]["content"]
    settings = {key: request[key] for key in ("model", "temperature", "max_tokens", "logprobs", "top_logprobs")}
    assert settings == {
        "model": "judge-model", "temperature": 0.0, "max_tokens": 5, "logprobs": True, "top_logprobs": 20,
    }  # fmt: skip


def test_logprobs_give_a_probability(ask: Ask) -> None:
    answer = ask(saying("Yes", {"Yes": 0.6, "yes": 0.1, "No": 0.1, "Maybe": 0.1}))
    assert answer.p_yes == pytest.approx(0.7 / 0.8)
    assert (answer.source, answer.judge) == ("logprobs", "m")  # as the server names it
    assert answer.evidence == "'Yes': yes 0.7000, no 0.1000"


def test_ignored_logprobs_leave_the_text(ask: Ask) -> None:
    answer = ask(saying("No."))
    assert (answer.p_yes, answer.source) == (0.0, "text")


def test_refused_logprobs_are_left_out_from_then_on(
    server: Server, make_judge: MakeJudge, make_items: MakeItems
) -> None:
    server.replies = [failing(400, "This model does not support logprobs"), saying("yes")]
    answers = make_judge(max_concurrency=1)(make_items("a", "b"))
    assert [(answer.p_yes, answer.source) for answer in answers] == [(1.0, "text")] * 2
    assert ["logprobs" in request for request in server.requests] == [True, False, False]


def test_logprobs_are_not_asked_for_where_they_are_off(ask: Ask, server: Server) -> None:
    ask(saying("yes"), logprobs=False)
    assert "logprobs" not in server.requests[0]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (saying("The code"), "none of the words: 'The code'"),
        (saying("yes", finish_reason="content_filter"), "filtered"),
        (saying(None, refusal="I cannot"), "refused: 'I cannot'"),
        (failing(400, "maximum context length is 4096", code="context_length_exceeded"), "rejected: HTTP 400: maximum"),
        (failing(413), "rejected: HTTP 413"),
    ],
)
def test_what_cannot_be_read_is_invalid_and_says_why(ask: Ask, server: Server, reply: Reply, reason: str) -> None:
    answer = ask(reply)
    assert answer.p_yes is None
    assert reason in answer.invalid
    assert answer.source == "text"
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "fault",
    [failing(500), failing(503), failing(408), failing(409), failing(429), PAGE, Reply('{"choices"'), Reply("", 502)],
)
def test_what_may_pass_is_tried_again(ask: Ask, server: Server, fault: Reply) -> None:
    assert ask(fault, fault, saying("yes")).p_yes == 1.0
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("fault", "said"),
    [(failing(500, "oops"), "HTTP 500: oops"), (PAGE, "a page, not JSON"), (Reply("{"), "not JSON")],
)
def test_what_does_not_pass_is_unanswered_and_on_record(
    ask: Ask, server: Server, fault: Reply, said: str, tmp_path: Path
) -> None:
    answer = ask(fault)
    assert (answer.p_yes, answer.source) == (None, UNANSWERED)
    records = [json.loads(line) for line in next(tmp_path.glob("0/*.jsonl")).read_text().splitlines()]
    assert [said in record["failure"] for record in records] == [True] * 3
    assert len(server.requests) == 3


def test_a_time_out_is_tried_again_and_then_unanswered(
    server: Server, make_judge: MakeJudge, make_items: MakeItems, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = threading.Event()

    def late(request: dict[str, Any]) -> Reply:
        held.wait(2)
        return saying("yes")

    monkeypatch.setattr(server, "reply_to", late)
    judge = make_judge(timeout_s=0.1, max_attempts=2)
    (answer,) = judge(make_items("x"))
    held.set()
    assert (answer.source, answer.invalid) == (UNANSWERED, NO_REPLY)


@pytest.mark.parametrize(
    "reply", [failing(401, "bad key"), failing(400, "bad field"), failing(403), failing(404, "no such model")]
)
def test_what_cannot_pass_stops_at_once_in_one_line(ask: Ask, server: Server, reply: Reply) -> None:
    with pytest.raises(UserError) as error:
        ask(reply)
    assert f"{server.url}: HTTP {reply.status}" in str(error.value)
    assert "\n" not in str(error.value)
    assert len(server.requests) == 1


def test_a_spent_quota_stops(ask: Ask, server: Server) -> None:
    with pytest.raises(UserError, match="HTTP 429: You exceeded"):
        ask(failing(429, "You exceeded your quota", code="insufficient_quota"))
    assert len(server.requests) == 1


def test_retry_after_pauses_the_whole_endpoint(server: Server, make_judge: MakeJudge, make_items: MakeItems) -> None:
    server.replies = [failing(429, headers={"Retry-After": "0.4"}), saying("yes")]
    answers = make_judge(max_concurrency=1)(make_items("a", "b"))
    assert [answer.p_yes for answer in answers] == [1.0, 1.0]
    assert server.times[1] - server.times[0] >= 0.39


def test_a_pause_that_is_too_long_ends_the_run(ask: Ask) -> None:
    with pytest.raises(UserError, match="pause of 3600 s"):
        ask(failing(429, headers={"Retry-After": "3600"}))


def test_an_endpoint_that_stays_down_ends_the_run(server: Server, make_judge: MakeJudge, make_items: MakeItems) -> None:
    server.replies = [failing(500)]
    items = make_items(*(f"text {number}" for number in range(40)))
    with pytest.raises(UserError, match=f"{FAILURES_IN_A_ROW} requests in a row failed: HTTP 500"):
        make_judge(max_attempts=1)(items)
    assert len(server.requests) < 20


def test_nobody_listens(make_judge: MakeJudge, make_items: MakeItems) -> None:
    (answer,) = make_judge(base_url="http://127.0.0.1:9/v1", max_attempts=2)(make_items("x"))
    assert (answer.p_yes, answer.source) == (None, UNANSWERED)


def test_many_items_arrive_each_once_and_a_second_run_sends_nothing(
    server: Server, make_judge: MakeJudge, make_items: MakeItems
) -> None:
    server.replies = [failing(500), PAGE, failing(429, headers={"Retry-After": "0.05"}), saying("yes")]
    items = make_items(*(f"text {number}" for number in range(30)))
    answers = make_judge("store")(items)
    assert [answer.sample_id for answer in answers] == [item.sample.id for item in items]
    assert {answer.p_yes for answer in answers} == {1.0}
    assert len(server.requests) == 33
    again = make_judge("store", max_concurrency=2)(items)
    assert (again, len(server.requests)) == (answers, 33)


def test_several_addresses_share_the_work(server: Server, make_judge: MakeJudge, make_items: MakeItems) -> None:
    server.replies = [saying("yes")]
    nowhere = "http://127.0.0.1:9/v1"
    judge = make_judge(base_urls=[nowhere, server.url], max_attempts=9)
    answers = judge(make_items(*map(str, range(20))))
    assert {answer.p_yes for answer in answers} == {1.0}


def test_votes_are_collected_from_a_server_that_gives_one_a_call(server: Server, make_asker: MakeAsker) -> None:
    server.replies = [saying("yes"), saying("no"), saying("yes")]
    (reply,) = make_asker().ask([Request((("user", "x"),), num_samples=3, temperature=1.0)])
    assert reply is not None and sorted(reply.texts) == ["no", "yes", "yes"]
    assert [request.get("n", 1) for request in server.requests] == [3, 2, 1]


def test_the_cap_holds_with_calls_under_way(server: Server, make_items: MakeItems, tmp_path: Path) -> None:
    server.replies = [saying("yes")]
    transport = Endpoints(OpenaiConfig(model="m", base_url=server.url))
    requests = [Request((("user", f"text {number}" + "x" * 900),)) for number in range(30)]
    with Asker(transport, tmp_path, Prices(1.0, 1.0), cap=0.01) as asker:
        with pytest.raises(UserError, match=r"of \$0\.0100 is spent"):
            asker.ask(requests)
        assert 0.008 < asker.budget.spent <= 0.01
        assert asker.budget.reserved == 0
        assert len(asker.store) == len(server.requests) == 10
