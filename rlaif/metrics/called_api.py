"""Which API a completion calls, under one name: what diversity counts."""

from __future__ import annotations

from rlaif.data.completion import Completion
from rlaif.metrics.api_calls import ApiCall
from rlaif.metrics.api_database import ApiDatabase, identifying_strings, is_loader
from rlaif.metrics.ast_match import completion_calls


def called_api(completion: Completion, database: ApiDatabase) -> str | None:
    """The canonical name of the API that a completion calls; None where it calls nothing.

    On a hub (``database.match_by`` is "domain") the loader with what it loads, as
    ``torch.hub.load('pytorch/vision', 'vgg11')``; elsewhere the dotted callee, as ``json.loads``.
    Spelling makes no difference where the database has the call: the name is then its first row's. Of
    several calls the first that the database has counts, else the first of a known loader, else the first.
    """
    calls = completion_calls(completion)
    with_model = database.match_by == "domain"
    for call in calls:
        if rows := database.matches([call]):
            return _name(rows[0].call, with_model)
    call = next((call for call in calls if is_loader(call)), calls[0] if calls else None)
    return _name(call, with_model) if call else None


def _name(call: ApiCall, with_model: bool) -> str:
    if not with_model:
        return call.callee
    return f"{call.callee}({', '.join(repr(string) for string in identifying_strings(call))})"
