"""One program in every dress: the same code, whatever is around it, and no code where there is none."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from rlaif.data.completion import ends_with_code, parse_completion, render_completion
from rlaif.data.normalise import dedent
from rlaif.data.program import find
from tests.data.renderings import DRAFT, HOLDS, NONE, PLAIN, PROGRAM, SHELL

F = "```"
OUTSIDE_THE_FILE = {
    "a shell fence first": f"{SHELL}\n\n{PLAIN}",
    "CRLF": PLAIN.replace("\n", "\r\n"),
    "a draft in a thought": f"<think>\nA draft:\n{DRAFT}\n</think>\n\n{PLAIN}",
    "a closing fence alone": f"{PROGRAM}\n{F}",
}


def shared_cases() -> list[dict[str, str]]:
    path = Path(__file__).resolve().parents[3] / "shared" / "cases" / "renderings.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.parametrize("case", shared_cases(), ids=lambda case: case["name"])
def test_the_shared_renderings(case: dict[str, str]) -> None:
    assert parse_completion(case["text"]).code == case["code"]


@pytest.mark.parametrize("name", OUTSIDE_THE_FILE)
def test_the_dresses_that_are_not_in_the_file(name: str) -> None:
    assert parse_completion(OUTSIDE_THE_FILE[name]).code == PROGRAM


@pytest.mark.parametrize("name", HOLDS)
def test_the_same_code_in_every_dress(name: str) -> None:
    text, code = HOLDS[name]
    assert parse_completion(text).code == code


@pytest.mark.parametrize("name", HOLDS)
def test_what_was_read_survives_the_canonical_form(name: str) -> None:
    completion = parse_completion(HOLDS[name][0])
    assert parse_completion(render_completion(completion)) == completion


@pytest.mark.parametrize("text", NONE)
def test_no_code_stays_none(text: str) -> None:
    assert parse_completion(text).code is None


CUT_OFF = {
    "a fence that is not closed": (f"Sure:\n{F}python\nimport json\nprint(js", True),
    "a closed fence": (PLAIN, False),
    "prose after a fence that ends as the code does": (f"{F}python\nreturn x\n{F}\nIt gives x", False),
    "a closing fence that is cut off": (f"{F}python\nprint(1)\n{F[:2]}", False),
    "a second block that needs the first": (f"{F}python\nimport json\n{F}\n{F}python\nprint(json.du", True),
    "a second block that calls the first": (f"{F}python\ndef f():\n    pass\n{F}\n{F}python\nf(", True),
    "two blocks, both closed": (f"{F}python\nimport json\n{F}\n{F}python\nprint(json)\n{F}", False),
    "an alternative": (f"{PLAIN}\nor\n{F}python\nimport json\nprint(json.dumps(2) + pri", False),
    "its output": (f"{PLAIN}\nOutput:\n{F}\n{{'a'", False),
    "a section": ("<<<domain>>>: D\n<<<code>>>: import json\nprint(js", True),
    "a dict": ("{'domain': 'D', 'code': 'import json\nprint(js", True),
    "a closed dict": ("{'domain': 'D', 'code': 'import json\nprint(1)'}", False),
    "bare code": ("import json\nprint(json.dumps(1", True),
    "prose after bare code": ("import json\nprint(1)\n\nThis prints", False),
    "a session": (">>> import json\n>>> json.du", True),
    "a session's output": (">>> import json\n>>> json.dumps(1)\n'1", False),
    "a thought": ("<think>\nprint(1", False),
    "a tag": ("<code>\nimport json\nprint(js", True),
    "a closed tag": ("<code>\nimport json\nprint(1)\n</code>", False),
    "a list": (f"1. So:\n   {F}python\n   for i in x:\n       print(i", True),
    "CRLF": (f"{F}python\r\nimport json\r\nprint(1", True),
}


@pytest.mark.parametrize("name", CUT_OFF)
def test_whether_a_text_that_is_cut_off_ends_within_its_code(name: str) -> None:
    text, expected = CUT_OFF[name]
    assert ends_with_code(text, parse_completion(text).code) is expected


def test_the_steps_say_by_which_rule_the_code_was_read() -> None:
    steps = {
        PLAIN: ("fence",),
        PLAIN.replace("\n", "\r\n"): ("line_ends", "fence"),
        f"<think>\n{DRAFT}\n</think>\n{PLAIN}": ("thought", "fence"),
        f"{PLAIN}\nor\n{DRAFT}": ("fence", "first_of_several"),
        f"{F}python\nimport json\n{F}\n{F}python\nprint(json)\n{F}": ("fence", "joined"),
        f"<code>\n{PROGRAM}\n</code>": ("tag",),
        f"{F}\n>>> x = 1\n{F}": ("fence", "session"),
        PROGRAM: ("bare",),
        f"### Code:\n{PROGRAM}": ("heading",),
        json.dumps({"code": PROGRAM}): ("json",),
        f"python\n{PROGRAM}": ("language_line", "bare"),
        f"{{'domain': 'D', 'my_code': '{PROGRAM}'}}": ("foreign_key", "dict"),
    }
    assert {text: parse_completion(text).steps for text in steps} == steps


def test_the_short_path_of_a_plain_fence_gives_what_the_long_one_gives() -> None:
    prose = ["", "Here it is:\n\n", "x = 1\n", "import a\n\n", "def f():\n    return 1\n\n", "Output:\n", "`a` b\n"]
    bodies = ["print(1)", "pip install x", "broken(", "[1, 2]", "# c", "  x = 1\n  y = 2", "json.dumps(1)", " ", "a"]
    rests = ["", "\n", "\nDone.", "\n\nimport b\n", "\nOutput:\n1", "\n`x`"]
    num_short = 0
    for lead, body, rest in itertools.product(prose, bodies, rests):
        text = f"{lead}{F}python\n{body}\n{F}{rest}"
        short = find.simple_fence(text)
        if short is not None:
            num_short += 1
            lead_found, code = find._find(text, [], find.MAX_NESTING)
            assert code is not None
            assert (lead_found.strip(), dedent(code, [])) == (short[0].strip(), dedent(short[1], []))
    assert num_short > 200
