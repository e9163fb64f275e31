"""A mock of an OpenAI-compatible endpoint: 50 ms an answer, a limit on calls at once, and faults by script.

    python -m experiments.bench.mock_endpoint PORT      POST /script sets what it does; GET /stats says what came

An answer depends on the request's messages only, a fault on them and on how often they came before: so two runs of
the same script meet the same faults and get the same answers.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

GRACE_S = 0.02
"""What was on its way when the server said to wait is not held against the client."""


@dataclass(frozen=True)
class Script:
    """What the mock does."""

    delay_s: float = 0.05
    slow_share: float = 0.0
    slow_s: float = 2.0
    fault_share: float = 0.0
    """Of all calls: half of them a 429, the others 500, 502 or 503, in turn by hash."""
    retry_after: str = ""
    """What every `retry_every`-th 429 asks: "seconds" or "date"; empty: nothing."""
    retry_every: int = 20
    pause_s: float = 1.0
    corrupt_share: float = 0.0
    at_once: int = 64
    """More calls than this at once get a 429."""
    logprobs: bool = True
    answer: str = "yes_no"
    """"yes_no" by hash, or "number" from 1 to 10."""


@dataclass
class Stats:
    """What came."""

    num_requests: int = 0
    num_answered: int = 0
    num_duplicates: int = 0
    """Requests whose messages had already been answered."""
    num_in_window: int = 0
    """Requests that came while the endpoint had asked for a pause."""
    num_faults: int = 0
    num_pauses: int = 0
    num_corrupt: int = 0
    corrupt_kinds: dict[int, int] = field(default_factory=dict)
    num_over: int = 0
    most_at_once: int = 0
    num_input_tokens: int = 0
    num_output_tokens: int = 0


class Mock:
    """The state that all connections share."""

    def __init__(self, script: Script) -> None:
        self.reset(script)

    def reset(self, script: Script) -> None:
        self.script, self.stats = script, Stats()
        self.seen: Counter[bytes] = Counter()
        self.answered: set[bytes] = set()
        self.num_at_once = 0
        self.num_429 = 0
        self.windows: list[tuple[float, float]] = []

    def respond(self, body: bytes, write: Callable[[bytes], None]) -> None:
        """Answer one chat request, now or later, through `write`."""
        now, script, stats = time.monotonic(), self.script, self.stats
        request = json.loads(body)
        digest = digest_of(request["messages"])
        times = self.seen[digest]
        self.seen[digest] += 1
        draw = hashlib.sha256(digest + times.to_bytes(4, "big")).digest()
        stats.num_requests += 1
        stats.num_duplicates += digest in self.answered
        stats.num_in_window += any(start + GRACE_S < now < end for start, end in self.windows[-4:])
        if self.num_at_once >= script.at_once:
            stats.num_over += 1
            write(response(429, b'{"error": {"message": "too many at once"}}'))
            return
        if share(draw) < script.fault_share:
            stats.num_faults += 1
            self.fault(draw, now, write)
            return
        self.num_at_once += 1
        stats.most_at_once = max(stats.most_at_once, self.num_at_once)
        slow = share(draw[8:]) < script.slow_share
        asyncio.get_running_loop().call_later(
            script.slow_s if slow else script.delay_s, self.answer, request, digest, draw, write
        )

    def answer(self, request: dict[str, Any], digest: bytes, draw: bytes, write: Callable[[bytes], None]) -> None:
        self.num_at_once -= 1
        body, num_input, num_output = completion(request, digest, self.script)
        if share(draw[12:]) < self.script.corrupt_share:
            self.stats.num_corrupt += 1
            kind = draw[24] % NUM_CORRUPT_KINDS
            self.stats.corrupt_kinds[kind] = self.stats.corrupt_kinds.get(kind, 0) + 1
            write(response(200, corrupted(body, draw)))
            return
        self.answered.add(digest)
        self.stats.num_answered += 1
        self.stats.num_input_tokens += num_input
        self.stats.num_output_tokens += num_output
        write(response(200, body))

    def fault(self, draw: bytes, now: float, write: Callable[[bytes], None]) -> None:
        if draw[16] % 2:
            write(response((500, 502, 503)[draw[17] % 3], b"<html><body>Bad Gateway</body></html>"))
            return
        self.num_429 += 1
        headers = ""
        if self.script.retry_after and self.num_429 % self.script.retry_every == 0:
            self.stats.num_pauses += 1
            headers = self.ask_to_wait(now)
        write(response(429, b'{"error": {"message": "slow down"}}', headers))

    def ask_to_wait(self, now: float) -> str:
        if self.script.retry_after == "seconds":
            self.windows.append((now, now + self.script.pause_s))
            return f"Retry-After: {self.script.pause_s:g}\r\n"
        clock = datetime.now(UTC)
        until = (clock + timedelta(seconds=self.script.pause_s + 1)).replace(microsecond=0)
        self.windows.append((now, now + (until - clock).total_seconds()))
        return f"Retry-After: {format_datetime(until, usegmt=True)}\r\n"


def share(draw: bytes) -> float:
    return int.from_bytes(draw[:4], "big") / 2**32


def digest_of(messages: list[dict[str, str]]) -> bytes:
    return hashlib.sha256(json.dumps(messages).encode()).digest()


def truth(digest: bytes) -> float:
    """The probability of yes that the mock gives to messages of this digest."""
    return round(0.02 + 0.96 * share(digest[20:]), 4)


def completion(request: dict[str, Any], digest: bytes, script: Script) -> tuple[bytes, int, int]:
    """(body, input tokens, output tokens) of a chat completion."""
    p_yes = truth(digest)
    text = ("Yes" if p_yes >= 0.5 else "No") if script.answer == "yes_no" else str(1 + digest[3] % 10)
    logprobs = None
    if script.logprobs and request.get("logprobs"):
        top = [("Yes", 0.98 * p_yes), ("No", 0.98 * (1 - p_yes))] if script.answer == "yes_no" else [(text, 0.9)]
        top += [(f"word{number}", 0.001) for number in range(18)]
        tops = [{"token": token, "logprob": round(math.log(p), 5), "bytes": None} for token, p in top]
        logprobs = {"content": [{"token": text, "logprob": -0.1, "bytes": None, "top_logprobs": tops}]}
    num_choices = request.get("n", 1)
    num_input = sum(len(message["content"]) for message in request["messages"]) * 10 // 42 + 8
    message = {"role": "assistant", "content": text, "refusal": None}
    choices = [
        {"index": index, "message": message, "finish_reason": "stop", "logprobs": logprobs}
        for index in range(num_choices)
    ]
    usage = {"prompt_tokens": num_input, "completion_tokens": 2 * num_choices, "total_tokens": 0}
    body = {
        "id": "mock", "object": "chat.completion", "created": 1, "model": "mock-model-1", "choices": choices,
        "usage": usage,
    }  # fmt: skip
    return json.dumps(body).encode(), num_input, 2 * num_choices


NUM_CORRUPT_KINDS = 15


def corrupted(body: bytes, draw: bytes) -> bytes:
    """A body in which no verdict is left: cut off, a page, other types, other bytes."""
    content = json.loads(body)
    first = content["choices"][0]
    at = 1 + int.from_bytes(draw[20:22], "big") % (len(body) - 2)
    other: Any = (None, 7, "x", [], {}, [None], True, -1.5)[draw[23] % 8]
    kinds: list[Callable[[], bytes]] = [
        lambda: body[:at],
        lambda: b"<html><body>502</body></html>",
        lambda: b"",
        lambda: bytes(byte ^ 0x80 for byte in body),
        lambda: b"[" * 100_000,
        lambda: body[:-1] + b', "x": ' + b'{"y": ' * 3000 + b"0" + b"}" * 3001,
        lambda: json.dumps({**content, "choices": other}).encode(),
        lambda: json.dumps({**content, "choices": [other]}).encode(),
        lambda: json.dumps({**content, "choices": [{**first, "message": other}]}).encode(),
        lambda: json.dumps({**content, "choices": [{**first, "message": {}, "logprobs": None}]}).encode(),
        lambda: json.dumps({"error": {"message": "overloaded"}}).encode(),
        lambda: json.dumps(other).encode(),
        lambda: json.dumps({**content, "choices": [{**first, "error": {"code": 502, "message": "lost"}}]}).encode(),
        lambda: json.dumps({**content, "choices": [{**first, "finish_reason": "error"}]}).encode(),
        lambda: body[at:] + body[:at],
    ]
    assert len(kinds) == NUM_CORRUPT_KINDS
    return kinds[draw[24] % NUM_CORRUPT_KINDS]()


def response(status: int, body: bytes, headers: str = "") -> bytes:
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode() + body


class Connection(asyncio.Protocol):
    """HTTP/1.1 with Content-Length and keep-alive; no more is needed of a mock."""

    def __init__(self, mock: Mock) -> None:
        self.mock, self.buffer = mock, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end]
            lines = head.lower().split(b"\r\n")
            length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
            if len(self.buffer) < end + 4 + length:
                return
            body = self.buffer[end + 4 : end + 4 + length]
            self.buffer = self.buffer[end + 4 + length :]
            self.handle(head.split(b" ", 2)[1], body)

    def handle(self, path: bytes, body: bytes) -> None:
        if path.endswith(b"/chat/completions"):
            self.mock.respond(body, self.write)
        elif path == b"/script":
            self.mock.reset(replace(Script(), **json.loads(body)))
            self.write(response(200, b"{}"))
        else:
            self.write(response(200, json.dumps(asdict(self.mock.stats)).encode()))

    def write(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)


async def serve(port: int) -> None:
    mock = Mock(Script())
    server = await asyncio.get_running_loop().create_server(lambda: Connection(mock), "127.0.0.1", port)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
