"""A regular expression that is compiled with its first use: most runs need few of those that read what models write."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

Match = Callable[..., re.Match[Any] | None]


class Pattern:
    """As `re.compile` gives it, with the methods that are used here."""

    search: Match
    match: Match
    fullmatch: Match
    finditer: Callable[..., Iterator[re.Match[Any]]]
    sub: Callable[..., str]

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self.pattern, self._flags = pattern, flags

    def __getattr__(self, name: str) -> Any:
        """A method of the compiled pattern, which stands in this one's place from then on."""
        if name.startswith("_"):
            raise AttributeError(name)
        method = getattr(re.compile(self.pattern, self._flags), name)
        setattr(self, name, method)
        return method
