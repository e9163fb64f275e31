"""Patterns of what servers say, compiled with their first use: most runs never meet a refusal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property


class Wording:
    """Alternatives in any case, as one pattern."""

    def __init__(self, *patterns: str) -> None:
        self._patterns = patterns

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        return re.compile("|".join(self._patterns), re.IGNORECASE)

    def search(self, text: str) -> re.Match[str] | None:
        return self.compiled.search(text)

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        return self.compiled.finditer(text)
