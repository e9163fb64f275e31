"""The page in a browser: it opens, filters, answers to keys, and fits on a phone, in light and in dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rlaif.report.html.page import render
from tests.report.html.chromium import Browser, browser
from tests.report.html.made_up import HOSTILE, NUM_EXAMPLES, bare_report, report

PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("report")
    path = directory / "report.html"
    path.write_text(render(report(directory)), encoding="utf-8")
    return path


@pytest.fixture
def opened(chromium: Browser, page: Path) -> Iterator[Browser]:
    """The page as it is when freshly opened; whatever a test does, it leaves no error and asks for no other address."""
    chromium.errors.clear()
    chromium.requests.clear()
    chromium.open(page)
    chromium.evaluate("localStorage.clear()")
    yield chromium
    assert chromium.errors == []
    assert set(chromium.requests) <= {"about:blank", page.as_uri()}


def choose(page: Browser, id: str, value: str) -> None:
    page.evaluate(f"""(() => {{
        const node = document.getElementById({id!r});
        node.value = {value!r};
        node.dispatchEvent(new Event("change"));
        if (node.value !== {value!r}) throw new Error("no such option");
    }})()""")


def count(page: Browser) -> str:
    return str(page.evaluate("document.getElementById('count').textContent"))


def shown_id(page: Browser) -> str:
    return str(page.evaluate("document.querySelector('.about').textContent")).split(" ")[0]


def focused(page: Browser) -> str:
    return str(page.evaluate("document.activeElement.id"))


def test_it_opens_with_everything_in_it(opened: Browser) -> None:
    assert count(opened) == f"{NUM_EXAMPLES} examples"
    assert opened.evaluate("document.querySelectorAll('#list li').length") == NUM_EXAMPLES
    names = opened.evaluate("[...document.querySelectorAll('.panel h3')].map((node) => node.firstChild.textContent)")
    assert names == ["reference", "SFT", "RLAIF (PPO)"]
    charts = "[...document.querySelectorAll('figure > svg, .wide > svg')]"
    heights = opened.evaluate(f"{charts}.map((svg) => svg.clientHeight)")
    assert len(heights) == 5 and min(heights) > 80


def test_hostile_text_stays_text(opened: Browser) -> None:
    for _ in range(3):
        opened.press("j")
    assert opened.evaluate("document.querySelector('.instruction').textContent") == HOSTILE
    assert opened.evaluate("document.querySelector('.error').textContent") == f"AttributeError: {HOSTILE}"
    assert opened.evaluate("typeof window.hacked") == "undefined"
    assert opened.evaluate("document.querySelectorAll('img').length") == 0


def test_filters_by_row_domain_and_words(opened: Browser) -> None:
    choose(opened, "row-sft", "verdict:fault")
    assert count(opened) == f"20 of {NUM_EXAMPLES} examples"
    choose(opened, "row-rl", "verdict:pass")
    assert count(opened) == f"10 of {NUM_EXAMPLES} examples"
    choose(opened, "row-rl", "call:API not in the database")
    assert count(opened) == f"10 of {NUM_EXAMPLES} examples"
    opened.evaluate("document.getElementById('clear').click()")
    choose(opened, "domain", "Text")
    assert count(opened) == f"10 of {NUM_EXAMPLES} examples"
    opened.evaluate("document.getElementById('clear').click()")
    assert focused(opened) == "search"
    opened.type("rooot 39")
    assert count(opened) == f"1 of {NUM_EXAMPLES} examples"
    opened.type(" nothing has this")
    assert count(opened) == f"0 of {NUM_EXAMPLES} examples"
    assert opened.evaluate("document.querySelector('#shown').textContent") == "No example fits these filters."


def test_it_sorts_by_what_changed(opened: Browser) -> None:
    choose(opened, "sort", "runs in RLAIF (PPO), not in SFT")
    assert shown_id(opened) == "e-00"  # the example that was chosen stays chosen
    opened.press("/")
    opened.press("Enter")
    opened.press("Home")
    assert shown_id(opened) == "e-02"


def test_it_is_usable_by_keyboard(opened: Browser) -> None:
    opened.press("Tab")
    assert opened.evaluate("document.activeElement.className") == "skip"
    assert opened.evaluate("document.activeElement.getBoundingClientRect().left >= 0")
    opened.press("j")
    opened.press("j")
    opened.press("k")
    assert shown_id(opened) == "e-01"
    assert opened.evaluate("location.hash") == "#example=e-01"
    opened.press("/")
    assert focused(opened) == "search"
    opened.type("j")  # typed, not a command
    assert opened.evaluate("document.getElementById('search').value") == "j"
    opened.press("Escape")
    opened.press("Escape")
    assert focused(opened) == "list"
    for key, id in (("End", f"e-{NUM_EXAMPLES - 1}"), ("ArrowUp", f"e-{NUM_EXAMPLES - 2}"), ("Home", "e-00")):
        opened.press(key)
        assert shown_id(opened) == id
    assert opened.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    chosen = opened.evaluate("document.getElementById('list').getAttribute('aria-activedescendant')")
    assert opened.evaluate(f"document.getElementById({chosen!r}).getAttribute('aria-selected')") == "true"


def test_everything_that_acts_has_a_name(opened: Browser) -> None:
    opened.evaluate("document.querySelectorAll('details').forEach((node) => { node.open = true; })")
    nameless = opened.evaluate("""
        [...document.querySelectorAll('button, select, input, [tabindex="0"], [role="region"]')]
        .filter((node) => !(node.textContent.trim() || node.getAttribute('aria-label') || node.labels?.length))
        .map((node) => node.outerHTML.slice(0, 80))""")
    assert nameless == []
    assert opened.evaluate("document.documentElement.lang") == "en"


def test_the_failing_line_and_the_invented_name_are_marked(opened: Browser) -> None:
    opened.press("j")
    opened.press("j")
    opened.press("j")  # e-03: SFT's fails with an invented API in line 3
    assert opened.evaluate("[...document.querySelectorAll('.failed')].map((node) => node.dataset.n)") == ["3", "3"]
    assert "math.rooot" in opened.evaluate("document.querySelector('.failed').textContent")
    marks = opened.evaluate("[...document.querySelectorAll('.panel mark')].map((node) => node.textContent)")
    assert "".join(marks).count("math.rooot") == 4  # the call and the code, of SFT and of RL
    assert "comment" not in marks
    code = opened.evaluate("[...document.querySelectorAll('.panel')][1].querySelectorAll('.line')[1].textContent")
    assert code == f"x = 3  # {HOSTILE}\n"
    assert opened.evaluate("document.querySelector('.line .c').textContent") == f"# {HOSTILE}"


def test_an_address_opens_its_example(opened: Browser, page: Path) -> None:
    opened.open(page, fragment="#example=e-17")
    assert shown_id(opened) == "e-17"
    opened.open(page, fragment="#example=%E0%A4%A")  # no valid address
    assert shown_id(opened) == "e-00"


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_needs_no_sideways_scroll(opened: Browser, page: Path, dark: bool) -> None:
    opened.open(page, dark=dark, **PHONE)
    opened.evaluate("document.querySelectorAll('details').forEach((node) => { node.open = true; })")
    assert opened.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    opened.press("j")
    opened.press("j")
    opened.press("j")
    assert opened.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def contrast(page: Browser, selector: str) -> float:
    """WCAG's contrast of an element's text with the first opaque background behind it."""
    found: Any = page.evaluate(f"""(() => {{
        let node = document.querySelector({selector!r});
        const ink = getComputedStyle(node).color;
        while (getComputedStyle(node).backgroundColor === "rgba(0, 0, 0, 0)") node = node.parentElement;
        const paper = getComputedStyle(node).backgroundColor;
        return [ink, paper].map((one) => one.match(/[\\d.]+/g).slice(0, 3).map(Number));
    }})()""")

    def luminance(colour: list[float]) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in colour)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(colour) for colour in found), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_light_and_dark_can_be_read_and_switched(opened: Browser, page: Path, dark: bool) -> None:
    opened.open(page, dark=dark)
    for _ in range(3):
        opened.press("j")
    brightness = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0]"
    assert (opened.evaluate(brightness) < 60) is dark
    for selector in ("h1", ".quiet", "nav a", ".about", ".scores", ".error", ".verdict.fault", ".verdict.pass", "mark",
                     ".line .c", ".line .k", ".line .f", ".difference .better b", "figcaption", "dt"):  # fmt: skip
        assert contrast(opened, selector) >= 4.5, selector
    opened.evaluate("document.getElementById('theme').click()")
    assert (opened.evaluate(brightness) < 60) is not dark
    assert contrast(opened, ".error") >= 4.5
    opened.open(page, dark=dark)
    assert (opened.evaluate(brightness) < 60) is not dark  # it is remembered
    opened.evaluate("localStorage.clear()")


def test_a_run_without_policies_opens_too(chromium: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(render(bare_report(tmp_path)), encoding="utf-8")
    chromium.errors.clear()
    chromium.open(path)
    assert count(chromium) == "2 examples"
    chromium.press("j")
    assert "no answer" in chromium.evaluate("document.getElementById('shown').textContent")
    assert chromium.errors == []
