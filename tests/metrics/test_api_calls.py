"""Calls read out of code, against what a reader of the code would say."""

from __future__ import annotations

import pytest

from rlaif.metrics.api_calls import ApiCall, calls_in, names_in, parse_call, same_callee


def callees(code: str) -> list[str]:
    return [call.callee for call in calls_in(code)]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("from datetime import date\ndate(2024, 1, 2)", ["datetime.date"]),
        ("import numpy as np\nnp.linalg.norm([1])", ["numpy.linalg.norm"]),
        ("import xml.etree.ElementTree as ET\nET.fromstring(t)", ["xml.etree.ElementTree.fromstring"]),
        ("from torch import hub\nhub.load('a/b', 'c')", ["torch.hub.load"]),
        ("from pathlib import Path\np = Path('x')\np.exists()", ["pathlib.Path", "pathlib.Path.exists"]),
        ("with open('f') as file:\n    file.read()", ["open", "open.read"]),
        ("f(g(1), h(2))", ["f", "g", "h"]),
        ("a.b(1).c(2)", ["a.b.c", "a.b"]),
        ("', '.join(names)", ["str.join"]),
        ("", []),
        ("x = (", []),
    ],
)
def test_callees_are_resolved(code: str, expected: list[str]) -> None:
    assert callees(code) == expected


def test_code_before_a_syntax_error_counts() -> None:
    assert callees("import json\njson.loads('1')\nfor x in\n  print(x)") == ["json.loads"]


def test_a_null_byte_and_deep_nesting_do_not_raise() -> None:
    assert callees("f(1)\0") == ["f"]
    assert callees("x = " + "(" * 5000 + "1" + ")" * 5000) == []


def test_literals_have_values_and_expressions_do_not() -> None:
    (call,) = calls_in("f(1, 'two', [3, 4], n, key={'a': True}, **options)")
    assert [value.literal for value in call.args[:3]] == [1, "two", [3, 4]]
    assert not call.args[3].is_literal
    with pytest.raises(ValueError, match="malformed"):
        _ = call.args[3].literal
    keywords = dict(call.keywords)
    assert keywords["key"].literal == {"a": True}
    assert keywords["**"].source == "options"


def test_quotes_and_spaces_do_not_matter() -> None:
    assert parse_call("f( 'a',b = 1e-3 )") == parse_call('f("a", b=0.001)')


def test_a_variable_that_only_holds_one_string_stands_for_it() -> None:
    assert calls_in("url = 'u'\nload(url)")[0].strings == {"u"}
    assert calls_in("url = 'u'\nurl = 'v'\nload(url)")[0].strings == frozenset()
    assert calls_in("def f(url):\n    load(url)\nurl = 'u'")[0].strings == frozenset()


def test_a_fragment_is_read_with_the_names_of_its_program() -> None:
    names = names_in("from transformers import AutoModel as A\nmodel_id = 'bert'")
    call = parse_call("A.from_pretrained(model_id)", names)
    assert call is not None
    assert (call.callee, call.strings) == ("transformers.AutoModel.from_pretrained", {"bert"})


def test_an_assignment_is_a_call() -> None:
    call = parse_call("model = torch.hub.load('a/b', 'c', pretrained=True)")
    assert call is not None
    assert (call.callee, len(call.args), call.keywords[0][0]) == ("torch.hub.load", 2, "pretrained")


@pytest.mark.parametrize(
    ("text", "callee", "strings"),
    [
        ("torch.hub.load(repo_or_dir='a/b', 'c', model='d')", "torch.hub.load", {"a/b", "c", "d"}),
        ("AutoModel.from_pretrained('x').", "AutoModel.from_pretrained", {"x"}),
        ("hub.load('u'). \n2. Then preprocess (resize) the image.", "hub.load", {"u"}),
        ("pipeline('t', model=SG161222/Realistic_Vision_V1.4)", "pipeline", {"t"}),
        ("`f('x')`", "f", {"x"}),
    ],
)
def test_damaged_calls_are_read(text: str, callee: str, strings: set[str]) -> None:
    call = parse_call(text)
    assert isinstance(call, ApiCall)
    assert (call.callee, call.strings) == (callee, strings)


@pytest.mark.parametrize("text", ["./run.sh --skip true", "", "a model", "f('unclosed)", "f(1"])
def test_what_is_no_call_is_none(text: str) -> None:
    assert parse_call(text) is None


def test_same_callee_compares_whole_components() -> None:
    assert same_callee("AutoModel.from_pretrained", "transformers.AutoModel.from_pretrained")
    assert not same_callee("Model.from_pretrained", "AutoModel.from_pretrained")
