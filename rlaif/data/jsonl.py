"""A user's own records: one JSON object a line.

    {"instruction": ..., "reference" or "completion" or "code": ...,
     "api_call": ..., "domain": ..., "provider": ..., "id": ..., "split": ...}

The second line's fields are optional. A reference may have any shape that
`parse_completion` reads; `code` is the code alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from rlaif.data.completion import Completion, parse_completion, render_completion
from rlaif.data.lines import BadRow, Problem, Row, read_rows, text_field
from rlaif.data.normalise import without_half_surrogates
from rlaif.data.program.find import clean_code
from rlaif.records import Example, Split


def read_jsonl(path: Path, split: Split) -> tuple[list[Example], list[Problem]]:
    """The examples of one file; a record's own `split` goes before the argument.

    A record without an id gets the file's stem and its index. Raises UserError where no
    record can be used.
    """
    seen: set[str] = set()

    def make(index: int, row: Row) -> Example:
        example = _make_example(f"{path.stem}-{index:04d}", row, split)
        if example.id in seen:
            raise BadRow(f"id {example.id!r} is taken by an earlier line")
        seen.add(example.id)
        return example

    return read_rows(path, make)


def _make_example(default_id: str, row: Row, split: Split) -> Example:
    instruction = text_field(row, "instruction")
    if not instruction:
        raise BadRow("no instruction")
    parsed = _reference(row)
    own_split = text_field(row, "split") or split
    if own_split not in get_args(Split):
        raise BadRow(f"split {own_split!r} is none of {', '.join(get_args(Split))}")
    return Example(
        id=_id(row) or default_id,
        instruction=instruction,
        reference=render_completion(parsed),
        api_call=text_field(row, "api_call") or parsed.api_call or "",
        domain=text_field(row, "domain") or parsed.domain or "",
        provider=text_field(row, "provider") or parsed.api_provider or "",
        split=own_split,  # type: ignore[arg-type]  # checked above
    )


def _reference(row: Row) -> Completion:
    text = text_field(row, "reference", "completion")
    if text:
        return parse_completion(text)
    if not text_field(row, "code"):
        raise BadRow("no reference, completion or code")
    return Completion(
        domain=text_field(row, "domain") or None,
        api_call=text_field(row, "api_call") or None,
        api_provider=text_field(row, "provider") or None,
        code=clean_code(without_half_surrogates(row["code"]), []),
    )


def _id(row: Row) -> str:
    return str(row["id"]) if isinstance(row.get("id"), int) else text_field(row, "id")
