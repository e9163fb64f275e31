"""What reward functions log beside their rewards, as plain values that JSON can hold."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence, Set
from typing import Any

from rlaif.errors import UserError


def read_column(column: str, values: Any, num_completions: int) -> list[Any]:
    """What was passed to `log_extra`, a plain value a completion; UserError where it is not one for each."""
    values = values.tolist() if hasattr(values, "tolist") else values
    if not isinstance(values, Sequence) or isinstance(values, str | bytes):
        raise UserError(f"log_extra({column!r}): a {type(values).__name__}, and should be a list with a value for each")
    if len(values) != num_completions:
        raise UserError(f"log_extra({column!r}): {len(values)} values for {num_completions} completions")
    return [plain(value) for value in values]


def read_metric(name: str, value: Any) -> float:
    """What was passed to `log_metric`: a number, or an array or tensor of one."""
    read = value.tolist() if hasattr(value, "tolist") else value
    while isinstance(read, list) and len(read) == 1:
        read = read[0]
    if not isinstance(read, numbers.Real):
        raise UserError(f"log_metric({name!r}): {' '.join(str(value).split())[:80]} is not a number")
    return float(read)


def plain(value: Any) -> Any:
    """Numbers, text, lists and mappings of them; whatever else is there as its text."""
    if hasattr(value, "tolist"):  # NumPy's scalars and arrays, tensors
        value = value.tolist()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, Sequence | Set) and not isinstance(value, bytes | bytearray):
        return [plain(one) for one in value]
    return float(value) if isinstance(value, numbers.Real) else str(value)
