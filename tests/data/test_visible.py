"""What a text may hold, and what is shown of it."""

from __future__ import annotations

import unicodedata

import pytest

from rlaif.data.visible import one_line, visible

SHOWN = {
    "plain": "plain",
    "überall 日本語 👍🏽 é": "überall 日本語 👍🏽 é",
    "می\u200cخواهم 👩\u200d💻": "می\u200cخواهم 👩\u200d💻",
    "a\n\tb": "a\n\tb",
    "\x1b[31mred\x1b[0m": "\\x1b[31mred\\x1b[0m",
    "\x00\x07\x08\x7f\x9b": "\\x00\\x07\\x08\\x7f\\x9b",
    "a\ud800b": "a\ufffdb",
    "\ud83d\udc4d": "👍",
    "\u202egnp.exe": "\\u202egnp.exe",
    "\u2066\ufeff": "\\u2066\\ufeff",
    "\u2028": "\\u2028",
    "a\rb": "a\\rb",
}


@pytest.mark.parametrize("text", list(SHOWN))
def test_what_is_shown(text: str) -> None:
    assert visible(text) == SHOWN[text]
    assert visible(visible(text)) == visible(text)


def test_no_character_turns_or_breaks_what_is_shown() -> None:
    """Of all that there are: no control character, no half surrogate, no mark that turns the direction."""
    everything = visible("".join(map(chr, range(0x110000))))
    everything.encode()
    categories = {unicodedata.category(character) for character in set(everything) - set("\n\t\u200c\u200d")}
    assert not categories & {"Cc", "Cf", "Cs", "Zl", "Zp"}


def test_one_line_is_short_and_stays_as_it_is() -> None:
    text = "a\n b\t\tc\x1c" + "\x1b" * 1000
    line = one_line(text, 50)
    assert line.startswith("a b c \\x1b")
    assert len(line) == 50
    assert line.endswith("…")
    assert one_line(line, 50) == line
    assert one_line("", 5) == ""
