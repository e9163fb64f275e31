"""The short way for plain shapes gives what the whole parser gives, and takes most of what is plain."""

from __future__ import annotations

import pytest

from rlaif.config import MiniConfig
from rlaif.data import completion
from rlaif.data.completion import Completion, parse_completion
from rlaif.data.mini import generate
from rlaif.data.plain_shape import plain_sections
from tests.data import renderings

REFERENCES = [example.reference for example in generate(MiniConfig(train_per_api=1, eval_per_api=1))[0]]
CODES = [code for reference in REFERENCES if (code := parse_completion(reference).code)]
DRESSES = (
    "```python\n{}\n```",
    "It is this:\n\n```python\n{}\n```\n\nIt prints.",
    "<<<explanation>>>: So\n<<<code>>>: {}",
)


def texts_of(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = [*value.values()]
    return [text for one in value for text in texts_of(one)] if isinstance(value, list | tuple) else []


ODD = [text for name, value in vars(renderings).items() if not name.startswith("_") for text in texts_of(value)]


def parsed_at_length(text: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Completion, tuple[str, ...]]:
    with monkeypatch.context() as without:
        without.setattr(completion, "plain_sections", lambda text, steps: None)
        read = parse_completion(text)
    return read, read.steps


@pytest.mark.parametrize("dress", ["{}", *DRESSES])
def test_the_short_way_gives_what_the_long_one_gives(dress: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(ODD) > 150
    for text in [*REFERENCES, *CODES, *ODD]:
        dressed = dress.replace("{}", text)
        read = parse_completion(dressed)
        assert (read, read.steps) == parsed_at_length(dressed, monkeypatch), dressed


@pytest.mark.parametrize("dress", DRESSES)
def test_plain_texts_take_the_short_way(dress: str) -> None:
    plain = [plain_sections(dress.replace("{}", code), []) is not None for code in CODES]
    assert sum(plain) > 0.7 * len(plain)
    assert sum(plain_sections(reference, []) is not None for reference in REFERENCES) > 0.9 * len(REFERENCES)
