"""What servers say when they refuse a call, in their own words, and what is made of it.

`wordings/refused_fields.jsonl`: what a server refuses, how it says so, and what is sent from then on (null: left out).
`wordings/refused_calls.jsonl`: what it says of a prompt (reject), of all calls (stop), for now (retry), or to nobody's
help (unclear).
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from rlaif.config import OpenaiConfig
from rlaif.feedback import endpoint as endpoints
from rlaif.feedback.endpoint import Endpoint
from rlaif.feedback.error_body import one_line, read_error
from rlaif.feedback.exchange import Reply, Request
from rlaif.feedback.refusal import fate_of, room_of
from rlaif.feedback.retry import CallFailed, Fate

MESSAGES = (("system", "Judge."), ("user", "Is temperature=0.7 with max_tokens=5 and logprobs=True, n=3 valid?"))
Row = dict[str, Any]


def rows_of(name: str) -> dict[str, Row]:
    path = Path(__file__).with_name("wordings") / name
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len({row["server"] for row in rows}) == len(rows)
    return {row["server"]: row for row in rows}


FIELDS, CALLS = rows_of("refused_fields.jsonl"), rows_of("refused_calls.jsonl")


def bytes_of(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def is_refused(
    sent: Row, field: str, above: float | None = None, below: float | None = None, missing: bool = False
) -> bool:
    if field == "system":
        return bool(sent["messages"][0]["role"] == "system")
    if missing or field not in sent:
        return missing and field not in sent
    return (above is None and below is None) or (above is not None and sent[field] > above) or (
        below is not None and sent[field] < below
    )  # fmt: skip


def sent_in_the_end(
    monkeypatch: pytest.MonkeyPatch, row: Row, request: Request, refuses: Row | None
) -> tuple[list[Row], Endpoint]:
    """All that an endpoint is sent until it takes a request. It refuses everything where `refuses` is None."""
    bodies: list[Row] = []
    endpoint = Endpoint(OpenaiConfig(model="m"), "http://localhost:1/v1")

    async def attempt(content: bytes) -> Reply:
        bodies.append(json.loads(content))
        if refuses is None or is_refused(bodies[-1], **refuses):
            raise endpoints._failure(row["status"], bytes_of(row["body"]), {})
        return Reply(("yes",))

    monkeypatch.setattr(endpoint, "_attempt", attempt)
    asyncio.run(endpoint.send(request, request.num_samples))
    return bodies, endpoint


def request_for(refuses: Row) -> Request:
    """One that the server refuses."""
    if refuses["field"] == "n":
        return Request(MESSAGES, num_samples=5, temperature=1.0)
    if refuses["field"] == "max_tokens" and "above" in refuses:
        return Request(MESSAGES, max_tokens=10_000)
    return Request(MESSAGES)


@pytest.mark.parametrize("server", FIELDS)
def test_a_field_that_is_refused_is_not_sent_again(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    row = FIELDS[server]
    bodies, endpoint = sent_in_the_end(monkeypatch, row, request_for(row["refuses"]), row["refuses"])
    assert len(bodies) >= 2
    assert {name: bodies[-1].get(name) for name in row["sent"]} == row["sent"]
    left = {"temperature", "max_tokens", "logprobs", "stream"} - {name.removeprefix("top_") for name in row["sent"]}
    assert {name: bodies[-1].get(name) for name in left} == {name: bodies[0].get(name) for name in left}  # and no other
    texts = "".join(message["content"] for message in bodies[-1]["messages"])
    assert all(text in texts for _, text in MESSAGES)
    assert endpoint.fields.changes()


@pytest.mark.parametrize("server", CALLS)
def test_whom_a_refusal_is_about(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    row = CALLS[server]
    with pytest.raises(CallFailed) as failed:
        sent_in_the_end(monkeypatch, row, Request(MESSAGES), None)
    assert failed.value.fate is Fate(row["fate"])
    assert str(failed.value).startswith(f"HTTP {row['status']}")


def test_the_room_that_a_prompt_leaves() -> None:
    rooms = {"vLLM": 0, "vLLM, newer": 4, "vLLM, newest": 7, "SGLang, with the answer": 4, "TGI, with the answer": 4}
    rooms |= {"Anthropic, with the answer": 5}
    for server, room in rooms.items():
        name = server if server in CALLS else f"{server}, too long"
        assert room_of(read_error(bytes_of(CALLS[name]["body"])).reason) == room, server


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"error": {"message": "no", "code": "c", "type": "t"}}, "no c t"),
        ([{"error": {"message": "no", "status": "INVALID"}}], "no INVALID"),
        ({"error": "no"}, "no"),
        ({"errors": [{"message": "no"}, "again"]}, "no again"),
        ({"detail": "no"}, "no"),
        ({"detail": [{"loc": ["body", "n"], "msg": "no", "type": "t", "input": "secret"}]}, "n: no t"),
        ({"object": "error", "message": "no", "code": 400}, "no"),
        ({"message": {"detail": [{"msg": "no", "loc": ["body", "messages", 0, "role"]}]}}, "messages.0.role: no"),
        ({"error": {"metadata": {"raw": '{"error": {"message": "no"}}'}}}, "no"),
        ("no, in words", "no, in words"),
        ("<!doctype html><title> Bad\n Gateway </title><p>x", "Bad Gateway"),
        ("<html><h1>No</h1>", "No"),
        ("", ""),
        ("[" * 100_000, "[" * 200),
    ],
)
def test_the_reason_of_an_error_in_any_form(body: Any, reason: str) -> None:
    said = read_error(bytes_of(body))
    assert one_line(said.reason) == reason
    assert fate_of(400, said) is Fate.unclear
