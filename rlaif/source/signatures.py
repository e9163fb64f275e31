"""Does a call fit a signature, and what signature does a database row show?"""

from __future__ import annotations

import ast
import inspect
from inspect import Parameter

from rlaif.source.calls import Call, KnownApi


def misfit(call: Call, signature: inspect.Signature) -> str | None:
    """Why a call's arguments do not fit a signature, or None where they do."""
    positional = [object()] * call.num_positional
    keywords = dict.fromkeys(call.keywords)
    try:
        (signature.bind_partial if call.unpacks else signature.bind)(*positional, **keywords)
    except TypeError as error:
        return str(error)
    return None


def signature_shown(api: KnownApi) -> inspect.Signature | None:
    """The signature that a row such as "array.array(typecode, initializer)" shows; None for other rows.

    Which parameters have to be given, a row does not say: all count as optional.
    """
    try:
        node = ast.parse(api.row.api_call, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if not isinstance(node, ast.Call):
        return None
    parameters = [_positional(argument) for argument in node.args]
    parameters += [_keyword(keyword) for keyword in node.keywords]
    shown = [parameter for parameter in parameters if parameter is not None]
    return inspect.Signature(shown) if len(shown) == len(parameters) else None


def _positional(argument: ast.expr) -> Parameter | None:
    if isinstance(argument, ast.Name):
        return Parameter(argument.id, Parameter.POSITIONAL_OR_KEYWORD, default=None)
    if isinstance(argument, ast.Starred) and isinstance(argument.value, ast.Name):
        return Parameter(argument.value.id, Parameter.VAR_POSITIONAL)
    return None


def _keyword(keyword: ast.keyword) -> Parameter:
    if keyword.arg is None:
        return Parameter("keywords", Parameter.VAR_KEYWORD)
    return Parameter(keyword.arg, Parameter.POSITIONAL_OR_KEYWORD, default=None)
