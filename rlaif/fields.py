"""What a setting's field declares beside its type: the numbers that it may be, and what else is asked of it.

One declaration for the config's schema, the options of a strategy and `rlaif.rl.PPOConfig`:

    gae_lambda: float = setting(0.95, ge=0, le=1)
    top_p: float = setting(1.0, gt=0, le=1)
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

FOLDER = re.compile(r"(?!\.)[^/\x00-\x1f\x7f]+")
LONGEST_NAME = 200
"""In bytes; a file's name has at most 255, and a fingerprint stands behind."""
LARGEST_SEED = 2**32 - 1
"""NumPy takes no larger one."""


@dataclass(frozen=True)
class Bounds:
    """The interval that a number has to lie in; None where it has no such end."""

    gt: float | None = None
    ge: float | None = None
    lt: float | None = None
    le: float | None = None
    off: str = ""
    """What leaves the setting out, for the message: "0 leaves it out"."""

    def complaint(self, value: Any) -> str | None:
        """Why the number is refused; None where it is allowed."""
        if isinstance(value, Real) and not isinstance(value, Integral) and not math.isfinite(value):
            reason = "is not a finite number"
        elif self.gt is not None and not value > self.gt:
            reason = f"is not above {self.gt:g}"
        elif self.ge is not None and not value >= self.ge:
            reason = f"is below {self.ge:g}"
        elif self.lt is not None and not value < self.lt:
            reason = f"is not below {self.lt:g}"
        elif self.le is not None and not value <= self.le:
            reason = f"is above {self.le:.10g}"
        else:
            return None
        return "; ".join(filter(None, (f"{value} {reason}", self._interval(), self.off)))

    def _interval(self) -> str:
        """What is allowed, where the reason names only one of two ends."""
        low = f"{self.gt:g} < " if self.gt is not None else f"{self.ge:g} <= " if self.ge is not None else ""
        high = f" < {self.lt:g}" if self.lt is not None else f" <= {self.le:.10g}" if self.le is not None else ""
        return f"allowed: {low}value{high}" if low and high else ""


def setting(
    default: Any = dataclasses.MISSING,
    *,
    gt: float | None = None,
    ge: float | None = None,
    lt: float | None = None,
    le: float | None = None,
    off: str = "",
    factory: Any = dataclasses.MISSING,
    **declared: Any,
) -> Any:
    """A dataclass field with its declarations.

    Args:
        gt, ge, lt, le: The ends of what a number may be, exclusive (`gt`, `lt`) or inclusive.
        off: What leaves the setting out, for the message.
        declared: Whatever else the field says of itself, under its name in the field's metadata. `folder=True`: the
            text is the beginning of a folder's name. `no_influence=True`: the value changes no result, so that another
            one neither makes anything again nor refuses to go on from a checkpoint; all other settings decide.
    """
    if not all(end is None for end in (gt, ge, lt, le)):
        declared["bounds"] = Bounds(gt, ge, lt, le, off)
    return dataclasses.field(default=default, default_factory=factory, metadata=declared)


def that_decide(record: Any) -> dict[str, Any]:
    """The values of a dataclass and of those inside it by name, less the fields said to have no influence."""
    return {
        field.name: _that_decides(getattr(record, field.name))
        for field in dataclasses.fields(record)
        if not field.metadata.get("no_influence")
    }


def _that_decides(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return that_decide(value)
    if isinstance(value, list | tuple):
        return type(value)(map(_that_decides, value))
    return value


def complaints(record: Any, prefix: str = "") -> Iterator[str]:
    """Every value of a dataclass and of those inside it that its field does not allow, one line each.

    Args:
        record: An instance. A value of another type than the field's is complained of too, where the field has bounds.
        prefix: What stands in front of a field's name: "trainer.".
    """
    hints = get_type_hints(type(record))
    plain = []
    for field in dataclasses.fields(record):
        value, key = getattr(record, field.name), f"{prefix}{field.name}"
        if dataclasses.is_dataclass(value):
            yield from complaints(value, f"{key}.")
        elif isinstance(value, list) and value and dataclasses.is_dataclass(value[0]):
            for number, item in enumerate(value):
                yield from complaints(item, f"{key}[{number}].")
        else:
            plain.append((key, value, field))
    for key, value, field in plain:  # after what lies deeper, which they may be made of, as a name is
        if (complaint := _complaint(value, field.metadata, hints[field.name])) is not None:
            yield f"{key}: {complaint}"


def _complaint(value: Any, metadata: Mapping[str, Any], hint: Any) -> str | None:
    if metadata.get("folder") and not (FOLDER.fullmatch(value) and len(value.encode()) <= LONGEST_NAME):
        return f"{value!r} cannot begin a folder's name; 1 to {LONGEST_NAME} bytes without /, no dot in front"
    bounds: Bounds | None = metadata.get("bounds")
    if bounds is None:
        return None
    kinds = kinds_of(hint)
    if value is None and NoneType in kinds:
        return None
    wanted = Real if float in kinds else Integral
    if isinstance(value, bool) or not isinstance(value, wanted):
        return f"{value!r} is not a {'number' if wanted is Real else 'whole number'}"
    return bounds.complaint(value)


def kinds_of(hint: Any) -> tuple[Any, ...]:
    """The types that a hint is a union of; the hint itself where it is none."""
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
