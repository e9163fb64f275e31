"""The page as text: nothing is loaded, hostile text is data, and what is missing is said to be."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from rlaif.data.completion import parse_completion
from rlaif.metrics.api_database import ApiDatabase
from rlaif.records import ApiRow, Example, Sample
from rlaif.report.html.browser import MAX_SAMPLES, Row, as_script, browser_data, unknown_names
from rlaif.report.html.page import asset, render
from tests.report.html.made_up import CSV, DATABASE, HOSTILE, NUM_EXAMPLES, bare_report, examples, report, rows


class Elements(HTMLParser):
    """Every element with its attributes, and the text inside each script and style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self.inside.append("")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem:
            self.inside[-1] += data


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return render(report(tmp_path_factory.mktemp("report")))


def test_nothing_is_loaded(page: str) -> None:
    elements = Elements(page).found
    loading = {"src", "srcset", "data", "poster", "background", "action", "formaction", "xlink:href"}
    assert not [(tag, attributes) for tag, attributes in elements if loading & attributes.keys()]
    addresses = [attributes["href"] or "" for _, attributes in elements if "href" in attributes]
    assert addresses and all(address.startswith("#") for address in addresses)
    assert not {tag for tag, _ in elements} & {"link", "iframe", "object", "embed", "img", "base", "image", "use"}
    assert "@import" not in page and "url(" not in asset("report.css")


def test_the_policy_lets_only_the_pages_own_code_act(page: str) -> None:
    elements = Elements(page)
    (policy,) = [a["content"] for _, a in elements.found if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None and policy.startswith("default-src 'none'") and "unsafe" not in policy
    style, data, script = elements.inside
    for text in (style, script):
        assert "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy
    assert not any(name.startswith("on") or name == "style" for _, attributes in elements.found for name in attributes)
    assert json.loads(data)["examples"]


def test_hostile_text_is_data_and_comes_back_whole(page: str) -> None:
    elements = Elements(page)
    assert [tag for tag, _ in elements.found].count("script") == 2
    assert HOSTILE not in page
    data = json.loads(elements.inside[1])
    assert data["examples"][3]["instruction"] == HOSTILE
    assert HOSTILE in data["examples"][0]["answers"]["sft"][0]["code"]
    assert "&lt;/script&gt;" in page  # the stage's settings, which are in the page's own text


def test_the_script_makes_no_markup() -> None:
    script = asset("report.js")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(|DOMParser", script)


@pytest.mark.parametrize("text", ["</script>", "<!--", "]]>", "\u2028", "\ud800", "é"])
def test_json_in_a_script_is_ascii_and_survives(text: str) -> None:
    written = as_script({"text": text})
    assert written.isascii() and not set("<>&") & set(written)
    assert json.loads(written) == {"text": text}


def test_half_a_surrogate_can_be_written(tmp_path: Path) -> None:
    made = report(tmp_path)
    text = render(type(made)(**{**vars(made), "title": "half \ud800"}))
    assert "half \ufffd" in text and text.encode("utf-8")


def test_the_table_shows_every_interval(page: str) -> None:
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page[page.index("<body>") :]))
    assert "SFT 40 90.0 [80.0, 97.0] 50.0 [35.0, 65.0]" in text
    assert "RLAIF - SFT +2.0 [-5.0, +9.0] +25.0 [+10.0, +40.0]" in text
    assert "references 40 100.0 [100.0, 100.0] -" in text
    assert CSV.startswith("row,num")


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    text = render(bare_report(tmp_path))
    for said in (
        "No stage of this run was trained", "Nothing was watched", "No judge was calibrated",
        "Not run, so nothing is claimed of it: references",
    ):  # fmt: skip
        assert said in text, said
    assert 'class="difference"' not in text and "Verdicts by row" not in text


def test_an_example_has_every_rows_answer() -> None:
    data = browser_data(examples(), rows(), DATABASE)
    assert [row["key"] for row in data["rows"]] == ["references", "sft", "rl"]
    assert len(data["examples"]) == NUM_EXAMPLES
    answer = data["examples"][3]["answers"]["sft"][0]
    assert (answer["verdict"], answer["failure"], answer["line"]) == ("fault", "attribute", 3)
    assert answer["unknown"] == ["math.rooot"] and answer["right"] is False
    assert "unknown" not in data["examples"][0]["answers"]["sft"][0]
    assert "gorilla" not in answer  # it was not measured, so nothing is said


def test_a_row_shows_a_few_of_many_completions_and_may_lack_an_example() -> None:
    example = Example("a", "", "", "", "", "", "eval")
    samples = [Sample(f"a-{n}", "a", "print(1)", "sft", 0, "length") for n in range(9)]
    data = browser_data([example, Example("b", "", "", "", "", "", "eval")], [Row("sft", "SFT", samples, [])], DATABASE)
    shown = data["examples"][0]["answers"]["sft"]
    assert len(shown) == MAX_SAMPLES and shown[0]["cut"] and "verdict" not in shown[0]
    assert data["examples"][1]["answers"] == {}


@pytest.mark.parametrize(
    ("call", "marked"),
    [
        ("torch.hub.load('pytorch/vision', 'vgg99')", ["vgg99"]),
        ("torch.hub.load('nobody/vision', 'vgg99')", ["nobody/vision", "vgg99"]),
        ("torch.hub.load('pytorch/vision', 'tts')", ["pytorch/vision", "tts"]),  # each is known, but not together
        ("torch.pub.load('pytorch/vision', 'vgg11')", ["torch.pub.load"]),
    ],
)
def test_what_is_marked_in_an_invented_call(call: str, marked: list[str]) -> None:
    known = ("torch.hub.load('pytorch/vision', 'vgg11')", "torch.hub.load('coqui/tts', 'tts')")
    database = ApiDatabase([ApiRow(one, "d", "p") for one in known])
    completion = parse_completion(f"<<<api_call>>>: {call}\n<<<code>>>: import torch\nm = {call}")
    assert unknown_names(completion, database) == marked
