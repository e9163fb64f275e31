"""A judge's list of claims as models write it."""

from __future__ import annotations

import json

import pytest

from rlaif.feedback.claims_in_code import Claim
from rlaif.feedback.claims_in_text import claims_in_text

TORCH, HUB = Claim("imports", "torch can be imported"), Claim("api", "torch.hub.load exists")
FITS, USED = Claim("arguments", "the call has 2 arguments"), Claim("result", "a model is returned")
ALL = [TORCH, HUB, FITS, USED]
FORMS = ["{k}: {t}", "- {k}: {t}", "* **{k}**: {t}", "{n}. {k}: {t}", "{n}) **{K}:** {t}", "{K} - {t}", "{K}: {t}",
    "| {k} | {t} |",
         "[{k}] {t}", "({k}) {t}", "Claim {n} ({k}): {t}", "{n}. [{K}] {t}", "**{k}:** {t}", '"{k}": "{t}",',
         "`{k}`: {t}",
         "### {k}\n- {t}", "**{K}:**\n1. {t}", "{K}:\n  * {t}"]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_lines(form: str) -> None:
    lines = [form.format(k=one.kind, K=one.kind.capitalize(), t=one.text, n=n) for n, one in enumerate(ALL, 1)]
    assert claims_in_text("\n".join(lines)) == ALL
    assert claims_in_text("Here are the claims:\n\n" + "\n\n".join(lines) + "\n\nThat is all.") == ALL


@pytest.mark.parametrize(
    "value",
    [
        {one.kind: one.text for one in ALL},
        {one.kind: [one.text] for one in ALL},
        {"claims": [{"kind": one.kind, "claim": one.text} for one in ALL]},
        [{"text": one.text, "type": one.kind} for one in ALL],
        [f"{one.kind}: {one.text}" for one in ALL],
        [{one.kind: one.text} for one in ALL],
    ],
    ids=str,
)
def test_json(value: object) -> None:
    for text in (json.dumps(value), f"```json\n{json.dumps(value, indent=2)}\n```"):
        assert claims_in_text(text) == ALL


def test_several_of_a_kind_and_words_for_one() -> None:
    text = "Imports:\n- os is there\n- sys is there\nargument: it fits\nAPIs: f exists\nresults: it is printed"
    text += "\napi: f exists"
    assert claims_in_text(text) == [Claim("imports", "os is there"), Claim("imports", "sys is there"),
                                    Claim("arguments", "it fits"), Claim("api", "f exists"),
                                    Claim("result", "it is printed")]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["", "nothing here", "The code imports torch.", "imports", "- torch is there", "{}", "[1]"]
)
def test_what_is_no_list_has_no_claims(text: str) -> None:
    assert claims_in_text(text) == []
