"""Every cell of the table of architectures, measured again: right, or refused when the trainer is made."""

from __future__ import annotations

import pytest
import transformers

from tests.architectures.configs import CONFIGS
from tests.architectures.table import PAGE, header, line, row


@pytest.fixture(autouse=True)
def quiet() -> None:
    transformers.logging.set_verbosity_error()


@pytest.mark.parametrize("name", CONFIGS)
def test_row(name: str) -> None:
    cells = row(name)
    assert all(one in ("right", "refused") for one in cells[3:]), cells
    assert line(cells) in PAGE.read_text(encoding="utf-8").splitlines(), "python -m tests.architectures.table"


def test_the_page_has_these_rows_and_at_least_65_are_right() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert header() in text
    rows = [one for one in text.splitlines() if one.startswith("| ") and "architecture" not in one]
    assert [one.split(" | ")[0].removeprefix("| ") for one in rows] == list(CONFIGS)
    right = [one for one in rows if "refused" not in one]
    assert len(right) >= 65
    assert f"{len(right)} of {len(rows)} are right" in text
