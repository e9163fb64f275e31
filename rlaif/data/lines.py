"""Files of JSON objects, one a line, in which a bad line is counted and never ends a run."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from rlaif.data.normalise import without_half_surrogates
from rlaif.errors import UserError

Row = dict[str, Any]
Record = TypeVar("Record")


@dataclass(frozen=True)
class Problem:
    """Something wrong with one line of a data file."""

    file_name: str
    line: int
    """Counted from 1."""
    reason: str
    dropped: bool = True
    """False where the record is used in spite of it."""

    def __str__(self) -> str:
        return f"{self.file_name}:{self.line}: {self.reason}" + ("" if self.dropped else " (kept)")


class BadRow(ValueError):
    """One line that does not give a record; says why."""


def read_rows(path: Path, make: Callable[[int, Row], Record]) -> tuple[list[Record], list[Problem]]:
    """`make(index, row)` for every line that holds an object; index counts lines from 0.

    Blank lines are skipped. A line that is no JSON object, or of which `make` raises BadRow,
    becomes a Problem. Raises UserError where the file cannot be read or no line is good.
    """
    records: list[Record] = []
    problems: list[Problem] = []
    for index, line in enumerate(_lines(path)):
        if not line.strip():
            continue
        try:
            records.append(make(index, _object(line)))
        except BadRow as error:
            problems.append(Problem(path.name, index + 1, str(error)))
    if not records:
        first = f"; line {problems[0].line}: {problems[0].reason}" if problems else ""
        raise UserError(f"{path}: none of its {len(problems)} lines is a usable record{first}")
    return records, problems


def text_field(row: Row, *names: str) -> str:
    """The first of the fields that is there, stripped; "" where none is.

    Raises BadRow where it is something other than text.
    """
    for name in names:
        value = row.get(name)
        if value is None:
            continue
        if not isinstance(value, str):
            raise BadRow(f"{name} is {type(value).__name__}, not text")
        if value.strip():
            return without_half_surrogates(value.strip())
    return ""


def _lines(path: Path) -> list[str]:
    try:
        # Not `splitlines`: a JSON string may hold U+2028 and its like as they are.
        return path.read_text(encoding="utf-8-sig", errors="replace").split("\n")
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from None


def id_field(row: Row, name: str) -> str:
    """A field that names something, a text or a whole number, as text; "" where it is not there or empty.

    Raises BadRow where it is something else. A number that a table wrote as 7.0 is 7.
    """
    value = row.get(name)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, bool | float):
        raise BadRow(f"{name} is {json.dumps(value)}, neither a text nor a whole number")
    return text_field(row, name)


def _object(line: str) -> Row:
    try:
        row = json.loads(line, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise BadRow(f"not JSON: {error}") from None
    except RecursionError:
        raise BadRow("not JSON that can be read: nested too deep") from None
    except BadRow:
        raise
    except ValueError:
        raise BadRow(f"not JSON that can be read: a number of over {sys.get_int_max_str_digits()} digits") from None
    if not isinstance(row, dict):
        raise BadRow(f"a JSON {type(row).__name__}, not an object; one object a line is expected")
    return row


def _once(pairs: list[tuple[str, Any]]) -> Row:
    """An object of which no key stands twice with two values: which one is meant, nobody can know."""
    row = dict(pairs)
    if len(row) < len(pairs):
        for name, value in pairs:
            if row[name] != value:
                raise BadRow(f"{name!r} stands twice, with two values")
    return row
