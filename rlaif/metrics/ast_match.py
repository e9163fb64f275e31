"""Does a completion call the right API? Compared as syntax trees with an API database.

The measures are those of Gorilla (Patil et al., arXiv 2305.15334): functional accuracy, the call matches
a database row of the reference's domain; hallucination, it matches no row at all. Where this differs from
the repository's scripts (gorilla/eval/eval-scripts/ast_eval_{th,hf,tf}.py):

- Any matching row may give the domain; there only the first in file order.
- Strings match whole; there as substrings, so that `vgg11` is also found in `vgg11_bn`.
- A row's callee has to be called; there, where it is absent, the row is tried on the last subtree anyway.
- The model identifies a row on every hub; there HF and TF compare all arguments of the row.
- The call is read from the api_call section, and from the code where that has no call; there it is cut out
  of the text by `split("api_call")`, and HF and TF parse a whole answer that has no such section.
- Imports are resolved, and positional and named arguments are the same.
- An answer with neither an api_call nor a call in its code is not right and not hallucinated (TH's rule).

So its figures are near the scripts' but not theirs; theirs are `rlaif.metrics.gorilla_match`.
"""

from __future__ import annotations

from dataclasses import dataclass

from rlaif.data.completion import Completion
from rlaif.metrics.api_calls import ApiCall, calls_in, names_in, parse_call
from rlaif.metrics.api_database import ApiDatabase, Row, same_call
from rlaif.records import Example


@dataclass(frozen=True)
class AstMatch:
    """What a completion's call is, beside the reference's. None: cannot be told."""

    correct: bool | None
    """It matches a row of the reference's domain or, where `ApiDatabase.match_by` is "api", the reference's own."""
    hallucinated: bool | None
    """It calls or names something, and no row has it."""
    exact_call: bool | None
    """A call of it equals the reference's api_call, arguments included."""


def match_completion(completion: Completion, example: Example, database: ApiDatabase) -> AstMatch:
    """Compare a completion's calls with the database and with the example's reference.

    An empty database leaves ``correct`` and ``hallucinated`` None; a reference whose api_call is not
    Python leaves ``exact_call`` None, and ``correct`` too where the match is by API.
    """
    calls = completion_calls(completion)
    reference = parse_call(example.api_call)
    exact = None if reference is None else any(same_call(call, reference) for call in calls)
    if not len(database):
        return AstMatch(None, None, exact)
    rows = database.matches(calls)
    names_something = bool(calls or completion.api_call)
    return AstMatch(_is_right(rows, example, reference, database), names_something and not rows, exact)


def completion_calls(completion: Completion) -> list[ApiCall]:
    """The calls of the api_call section, resolved through the code's imports; else those of the code."""
    code = completion.code or ""
    if completion.api_call:
        names = names_in(code)
        calls = calls_in(completion.api_call.strip(), names)
        if calls:
            return calls
        damaged = parse_call(completion.api_call, names)
        if damaged:
            return [damaged]
    return calls_in(code)


def _is_right(rows: list[Row], example: Example, reference: ApiCall | None, database: ApiDatabase) -> bool | None:
    if database.match_by == "domain":
        return any(row.row.domain.strip() == example.domain.strip() for row in rows)
    if reference is None:
        return None
    own = {row.index for row in database.matches([reference])}
    return any(row.index in own for row in rows)
