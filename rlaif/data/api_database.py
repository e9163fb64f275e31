"""API databases: which calls there are, and what domain each belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rlaif.data.lines import BadRow, Problem, Row, read_rows, text_field
from rlaif.data.normalise import without_half_surrogates
from rlaif.records import ApiRow, Example


def read_database(path: Path) -> tuple[list[ApiRow], list[Problem]]:
    """The rows in the file's order, in which the first match counts; duplicates are kept."""
    return read_rows(path, _make_row)


def database_of(examples: Iterable[Example]) -> list[ApiRow]:
    """The distinct calls of the examples, where a data set comes without a database."""
    rows: dict[str, ApiRow] = {}
    for example in examples:
        if example.api_call:
            rows.setdefault(example.api_call, ApiRow(example.api_call, example.domain, example.provider))
    return list(rows.values())


def _make_row(_: int, row: Row) -> ApiRow:
    api_call = text_field(row, "api_call")
    if not api_call:
        raise BadRow("no api_call")
    return ApiRow(
        api_call=api_call,
        domain=text_field(row, "domain"),
        provider=text_field(row, "framework", "provider"),
        name=text_field(row, "api_name", "name"),
        examples=_as_text(row.get("example_code")),
    )


def _as_text(example_code: Any) -> str:
    """APIBench gives example code as text, as a list of its lines, as a dict of parts, or not at all."""
    if isinstance(example_code, str):
        return without_half_surrogates(example_code)
    parts = example_code.values() if isinstance(example_code, dict) else example_code
    return "\n".join(_as_text(part) for part in parts) if isinstance(parts, Iterable) else ""
