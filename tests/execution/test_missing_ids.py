"""Loads of what a hub does not have: told from other failures, and an unknown id from a gap of the hub."""

from __future__ import annotations

import pytest

from rlaif.execution.missing_ids import HubIds, explain
from rlaif.execution.verdict import Status, Verdict

IDS = HubIds(frozenset(["owner/good", "https://tfhub.dev/google/good/1"]), frozenset(["owner/gap"]))


def failed(line: int | None, kind: str = "resource", raised_in: str = "library") -> Verdict:
    status: Status = "inconclusive" if kind == "resource" else "fault"
    return Verdict(status, kind, "OSError: cannot load", line, 0.1, raised_in)


LOAD = "from transformers import AutoModel, pipeline\n"
CASES = {
    "unknown": (LOAD + "AutoModel.from_pretrained('owner/dream')", failed(2), ("unknown_api", "api_id")),
    "gap": (LOAD + "AutoModel.from_pretrained('owner/gap')", failed(2), ("inconclusive", "mirror_gap")),
    "there": (LOAD + "AutoModel.from_pretrained('owner/good', x=1)", failed(2, "type"), ("fault", "type")),
    "both": (LOAD + "f(pipeline(model='owner/gap'), pipeline(model='owner/dream'))", failed(2),
             ("unknown_api", "api_id")),
    "by_position": (LOAD + "pipeline('fill-mask', 'owner/dream')", failed(2, "value"), ("unknown_api", "api_id")),
    "over_lines": (LOAD + "model = AutoModel.from_pretrained(\n    'owner/dream',\n)", failed(3),
                   ("unknown_api", "api_id")),
    "in_a_function": (LOAD + "def f():\n    AutoModel.from_pretrained('owner/dream')\n    return 1\nf()", failed(3),
                      ("unknown_api", "api_id")),
    "another_statement": (LOAD + "AutoModel.from_pretrained('owner/dream')\nm(1)", failed(3, "value"),
                          ("fault", "value")),
    "bound_once": ("import tensorflow_hub as hub\nurl = 'https://tfhub.dev/google/dream/1'\nhub.load(url)", failed(3),
                   ("unknown_api", "api_id")),
    "handle_there": ("import tensorflow_hub as hub\nhub.load('https://tfhub.dev/google/good/1/')", failed(2),
                     ("inconclusive", "resource")),
    "local_path": (LOAD + "AutoModel.from_pretrained('./mine')", failed(2), ("inconclusive", "resource")),
    "own_error": (LOAD + "AutoModel.from_pretrained('owner/dream')", failed(2, "type", "snippet"), ("fault", "type")),
    "timeout": (LOAD + "AutoModel.from_pretrained('owner/dream')", failed(2, "timeout"), ("fault", "timeout")),
    "no_line": (LOAD + "AutoModel.from_pretrained('owner/dream')", failed(None), ("inconclusive", "resource")),
    "no_loader": (LOAD + "print('owner/dream')", failed(2, "value"), ("fault", "value")),
}  # fmt: skip


@pytest.mark.parametrize("name", list(CASES))
def test_explain(name: str) -> None:
    code, given, expected = CASES[name]
    found = explain(given, code, IDS)
    assert (found.status, found.kind) == expected, found
    assert (found.line, found.seconds) == (given.line, given.seconds)


def test_the_message_names_the_id() -> None:
    assert "owner/dream" in explain(failed(2), CASES["unknown"][0], IDS).message
    assert "owner/gap" not in explain(failed(2), CASES["both"][0], IDS).message
