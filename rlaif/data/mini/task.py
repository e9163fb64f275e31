"""One task of the embedded data set: an API, and how to ask for it and to use it."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from random import Random

from rlaif.data.completion import Completion, render_completion
from rlaif.data.mini.assertion import with_assertion
from rlaif.data.mini.values import Values
from rlaif.records import Split

PROVIDER = "Python"

HELDOUT_SHARE = 5
"""One in this many phrasings of a task is held out for evaluation."""


@dataclass(frozen=True)
class Task:
    """An API with templates that one draw of values fills, all in `str.format` syntax."""

    api: str
    """Qualified name and parameter pattern: "json.loads(s)"."""
    domain: str
    explanation: str
    draw: Callable[[Random], Values]
    """The values of one example. Whatever it draws, the program has to run."""
    call: str
    """The call with its concrete arguments; a Python expression."""
    code: tuple[str, ...]
    """The program, line by line."""
    wordings: tuple[str, ...]
    """Ways to ask for it; `[a|b]` stands for either, so that one wording gives many phrasings."""

    @property
    def callee(self) -> str:
        return self.api.partition("(")[0]

    def completion(self, values: Values, *, asserted: bool = False) -> str:
        """The canonical completion for one draw of values; `asserted`: its result too, where it has a short one."""
        code = "\n".join(self.code).format(**values)
        return render_completion(
            Completion(
                domain=self.domain,
                api_call=self.concrete_call(values),
                api_provider=PROVIDER,
                explanation=self.explanation,
                code=(with_assertion(code) if asserted else None) or code,
            )
        )

    def concrete_call(self, values: Values) -> str:
        return self.call.format(**values)

    def phrasings(self, split: Split) -> tuple[str, ...]:
        """The instruction's templates that belong to a split; eval's are not in train's.

        A held-out phrasing combines words that training sees, each in other combinations.
        """
        phrasings = sorted(self.all_phrasings(), key=lambda text: hashlib.sha256(text.encode()).digest())
        uses = Counter(word for phrasing in phrasings for word in set(phrasing.split()))
        heldout: list[str] = []
        for phrasing in phrasings:
            words = set(phrasing.split())
            if len(heldout) < len(phrasings) // HELDOUT_SHARE and all(uses[word] > 1 for word in words):
                heldout.append(phrasing)
                uses.subtract(words)
        return tuple(heldout if split == "eval" else [one for one in phrasings if one not in heldout])

    def all_phrasings(self) -> list[str]:
        return list(dict.fromkeys(phrasing for wording in self.wordings for phrasing in expand(wording)))


def expand(wording: str) -> list[str]:
    """Every choice of alternatives: "[Sort|Order] it." gives "Sort it." and "Order it."."""
    parts = re.split(r"\[([^\]]*)\]", wording)
    alternatives = [part.split("|") if index % 2 else [part] for index, part in enumerate(parts)]
    return ["".join(choice) for choice in product(*alternatives)]
