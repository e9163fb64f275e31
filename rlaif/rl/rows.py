"""A data set as rows: every form in which users hand one over, and what makes it none."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

from rlaif.errors import UserError

Messages = list[dict[str, Any]]
"""A conversation: [{"role": "user", "content": "..."}, ...]."""


def read_rows(dataset: Any, name: str) -> list[dict[str, Any]]:
    """All rows, checked: alike, and each with a prompt, a text or a list of messages.

    Args:
        dataset: a `datasets.Dataset`, a data frame, a mapping of columns, or whatever has a length and rows.
        name: of the argument, for errors.

    Raises:
        UserError: no rows, or rows that cannot be trained with.
    """
    rows = [_plain(row) if isinstance(row, Mapping) else row for row in rows_of(dataset, name)]
    if not rows:
        raise UserError(f"{name}: there are no prompts in it")
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping) or "prompt" not in row:
            found = f"columns {', '.join(map(str, row))}" if isinstance(row, Mapping) else type(row).__name__
            raise UserError(f'{name}: row {number} has no "prompt" ({found})')
        if row.keys() != rows[0].keys():
            ours, first = (", ".join(map(str, one)) for one in (row, rows[0]))
            raise UserError(f"{name}: row {number} has other columns ({ours}) than row 0 ({first})")
        _check_prompt(number, row["prompt"], name)
        if isinstance(row["prompt"], list) != isinstance(rows[0]["prompt"], list):
            raise UserError(f"{name}: text and conversations are mixed (rows 0 and {number}): use one form")
    for column in rows[0]:
        if not isinstance(column, str):
            raise UserError(f"{name}: rename its column {column!r}: reward functions get columns by name")
    return rows


def rows_of(dataset: Any, name: str) -> list[Any]:
    """The rows, whatever they are; UserError for what has none, or no end."""
    if dataset is None:
        raise UserError(f"{name}: there is none; give a datasets.Dataset or a list of rows")
    form = getattr(dataset, "format", None)
    if isinstance(form, Mapping) and form.get("type") in ("pandas", "polars", "arrow"):
        dataset = dataset.with_format(None)  # rows are frames of one row otherwise
    for method, arguments in (("to_dicts", ()), ("to_dict", ("records",))):  # polars, pandas
        if hasattr(dataset, "columns") and hasattr(dataset, method) and not hasattr(dataset, "features"):
            return list(getattr(dataset, method)(*arguments))
    if isinstance(dataset, Mapping):
        if _is_columns(dataset):
            return [dict(zip(dataset, values, strict=True)) for values in zip(*dataset.values(), strict=True)]
        raise UserError(f"{name}: give one split of it, such as {name}={_first(dataset)!r}")
    if isinstance(dataset, str | bytes | PathLike):
        raise UserError(
            f"{name}: {str(dataset)[:80]!r} is a text, not rows: load it, as with datasets.load_dataset(...)"
        )
    if not hasattr(dataset, "__len__"):
        raise UserError(
            f"{name}: a {type(dataset).__name__} has no length, so it cannot be shuffled: "
            "give a datasets.Dataset or a list of rows"
        )
    if hasattr(dataset, "__iter__"):
        return list(dataset)
    return [dataset[number] for number in range(len(dataset))]  # torch's map-style data sets


def _is_columns(dataset: Mapping[str, Any]) -> bool:
    """Whether a mapping holds columns of equal length, one of them the prompts; splits hold rows."""
    columns = list(dataset.values())
    return (
        isinstance(dataset.get("prompt"), list | tuple)
        and all(isinstance(column, list | tuple) for column in columns)
        and len({len(column) for column in columns}) == 1
    )


def _first(names: Mapping[str, Any]) -> str:
    return "train" if "train" in names else str(next(iter(names), "train"))


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with its prompt as text or a list; data frames hold conversations as arrays."""
    prompt: Any = row.get("prompt")
    if hasattr(prompt, "tolist") and not isinstance(prompt, str):
        prompt = prompt.tolist()
    return {**row, "prompt": list(prompt) if isinstance(prompt, tuple) else prompt} if "prompt" in row else {**row}


def _check_prompt(number: int, prompt: Any, name: str) -> None:
    if isinstance(prompt, str):
        if not prompt:
            raise UserError(f"{name}: the prompt of row {number} is empty")
        return
    if not isinstance(prompt, list) or not all(isinstance(m, Mapping) and "role" in m for m in prompt):
        raise UserError(
            f"{name}: the prompt of row {number} is neither text nor a list of messages with "
            f'"role" and "content": {" ".join(str(prompt).split())[:80]}'
        )
    if not prompt:
        raise UserError(f"{name}: the conversation of row {number} has no messages")
    for message in prompt:
        content = message.get("content")
        if not isinstance(content, str | list | tuple) and not (content is None and message.get("tool_calls")):
            raise UserError(
                f"{name}: a message of row {number} has no text as its content: {' '.join(str(message).split())[:80]}"
            )
