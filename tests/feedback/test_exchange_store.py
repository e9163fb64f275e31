"""The store of exchanges: nothing kept is lost, nothing is sent twice, and what is no record is passed over."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from rlaif.config import ReplayConfig
from rlaif.errors import UserError
from rlaif.feedback.asking import Asker
from rlaif.feedback.exchange import Reply, Request, TokenLogprobs
from rlaif.feedback.exchange_store import ExchangeStore
from rlaif.feedback.replay import Replay
from rlaif.feedback.request_locks import RequestLocks
from rlaif.feedback.work import Work

REPLY = Reply(("Yes",), (TokenLogprobs("Yes", (("Yes", -0.1), ("é", -2.5))),), "stop", "m-1", 7, 1)


def request(text: str = "x") -> Request:
    return Request((("system", "s"), ("user", text)), purpose="q")


def key(number: int) -> str:
    return f"{number:064x}"


class Echo:
    """A transport that answers what it was asked, and remembers it."""

    name = "echo"

    def __init__(self) -> None:
        self.sent: list[str] = []

    def decides(self, request: Request) -> Mapping[str, object]:
        return {"messages": request.messages, "max_tokens": request.max_tokens}

    def run(self, work: Work) -> None:
        while not work.finished:
            job = work.take()
            if job is not None:
                text = job.request.messages[-1][1]
                self.sent.append(text)
                work.answered(job, REPLY)
                work.keep(job, Reply((text,)), {"asked_model": "echo"})

    def close(self) -> None: ...


def test_replies_come_back_whole(tmp_path: Path) -> None:
    with ExchangeStore(tmp_path) as store:
        store.keep(key(1), request(), REPLY, {"cost": 0.5})
        store.keep(key(2), request(), Reply((), unreadable="empty"), {})
        store.note_failure(key(3), "HTTP 500", {"cause": "5xx"})
    again = ExchangeStore(tmp_path)
    assert (again.get(key(1)), again.get(key(2)), again.get(key(3))) == (REPLY, Reply((), unreadable="empty"), None)
    assert (again.record(key(1)) or {})["cost"] == 0.5
    kinds = [next(iter(one)) for one in ExchangeStore.read_files(list(tmp_path.glob("*.jsonl")))]
    assert kinds == ["text", "text", "key", "key", "failure"]  # the texts of a prompt are there once


def test_torn_and_damaged_lines_are_passed_over(tmp_path: Path) -> None:
    with ExchangeStore(tmp_path) as store:
        for number in range(4):
            store.keep(key(number), request(str(number)), REPLY, {})
    (path,) = tmp_path.glob("*.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    answers = [number for number, line in enumerate(lines) if line.startswith(b'{"key"')]
    lines[answers[0]] = b"\x00garbage\n"
    lines[answers[1]] = lines[answers[1]].replace(b'"texts": ["Yes"]', b'"texts": ["Yes"')
    path.write_bytes(b"".join(lines)[:-9])
    again = ExchangeStore(tmp_path)
    assert [again.get(key(number)) for number in range(4)] == [None, None, REPLY, None]


def test_a_full_disk_is_one_line_and_leaves_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ExchangeStore(tmp_path)
    store.keep(key(1), request(), REPLY, {})
    write = os.write
    calls = []

    def full(descriptor: int, data: bytes) -> int:
        calls.append(data)
        if len(calls) == 1:
            return write(descriptor, data[:20])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(UserError, match="No space left on device; 1 answers kept"):
        store.keep(key(2), request("y"), REPLY, {})
    monkeypatch.undo()
    store.keep(key(3), request("z"), REPLY, {})
    again = ExchangeStore(tmp_path)
    assert [again.get(key(number)) for number in (1, 2, 3)] == [REPLY, None, REPLY]
    assert again.num_lines_passed_over == 0


def test_a_claim_excludes_others_and_is_freed_with_its_holder(tmp_path: Path) -> None:
    mine, theirs = RequestLocks(tmp_path), RequestLocks(tmp_path)
    one, other = "a" * 64, "b" * 64
    assert mine.take(one) and not theirs.take(one)
    assert theirs.take(other)
    mine.close()
    assert theirs.take(one)


def test_equal_requests_are_sent_once_and_other_jobs_send_nothing(tmp_path: Path) -> None:
    first, second = Echo(), Echo()
    with Asker(first, tmp_path) as one, Asker(second, tmp_path) as other:
        replies = one.ask([request("a"), request("b"), request("a")])
        assert [reply.texts for reply in replies if reply] == [("a",), ("b",), ("a",)]
        assert other.ask([request("b"), request("c")])[0] == Reply(("b",))
    assert (first.sent, second.sent) == (["a", "b"], ["c"])


def test_what_another_job_answers_meanwhile_is_not_sent(tmp_path: Path) -> None:
    ours, theirs = Echo(), Echo()
    with Asker(ours, tmp_path) as one, Asker(theirs, tmp_path) as other:
        run = ours.run

        def after_the_other(work: Work) -> None:
            other.ask([request("a")])
            run(work)

        ours.run = after_the_other  # type: ignore[method-assign]
        assert one.ask([request("a"), request("b")])[0] == Reply(("a",))
    assert (ours.sent, theirs.sent) == (["b"], ["a"])


def test_replay_answers_from_records_and_names_what_is_missing(tmp_path: Path) -> None:
    with Asker(Echo(), tmp_path / "store") as asker:
        asker.ask([request("a")])
    for path in (tmp_path / "store", next((tmp_path / "store").glob("*.jsonl"))):
        with Asker(Replay(ReplayConfig(str(path))), tmp_path / f"replayed {path.name}") as asker:
            assert asker.ask([request("a")]) == [Reply(("a",))]
            with pytest.raises(UserError, match="no recorded answer to q: 'never asked'"):
                asker.ask([request("never asked")])
    with pytest.raises(UserError, match="there is nothing at"):
        Replay(ReplayConfig(str(tmp_path / "nowhere")))
    (tmp_path / "other.jsonl").write_text(json.dumps({"key": "a"}) + "\n")
    with pytest.raises(UserError, match="no record of an answer"):
        Replay(ReplayConfig(str(tmp_path / "other.jsonl")))
