"""One task of the embedded data set: an API, and how to ask for it and to use it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from rlaif.data.completion import Completion, render_completion
from rlaif.data.mini.values import Values

PROVIDER = "Python"


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
    train: tuple[str, ...]
    """Phrasings of the instruction that training sees."""
    heldout: tuple[str, ...]
    """Phrasings that only evaluation sees."""

    @property
    def callee(self) -> str:
        return self.api.partition("(")[0]

    def completion(self, values: Values) -> str:
        """The canonical completion for one draw of values."""
        return render_completion(
            Completion(
                domain=self.domain,
                api_call=self.concrete_call(values),
                api_provider=PROVIDER,
                explanation=self.explanation,
                code="\n".join(self.code).format(**values),
            )
        )

    def concrete_call(self, values: Values) -> str:
        return self.call.format(**values)
