"""What an exception was and where it was raised, told so that the snippet's own classes cannot lie.

Fields of an exception are read through the interpreter's own descriptors, bound before the
snippet runs: a class with a property `__traceback__`, or a metaclass with a property
`__name__`, is not asked. Files are told by the code objects, not by what a module says its name is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any, TypeVar

MAX_MESSAGE = 500
MAX_NAME = 200
MAX_TYPES = 16
MAX_CAUSES = 4
MAX_FUNCTIONS = 8

Report = dict[str, Any]
Value = TypeVar("Value")
Step = tuple[str, int, str, FrameType]
"""File, line, function, and the frame of one level of a traceback."""

_traceback_of = BaseException.__dict__["__traceback__"].__get__
_cause_of = BaseException.__dict__["__cause__"].__get__
_context_of = BaseException.__dict__["__context__"].__get__
_suppresses_context = BaseException.__dict__["__suppress_context__"].__get__
_arguments_of = BaseException.__dict__["args"].__get__
_bases_of = type.__dict__["__mro__"].__get__
_name_of = type.__dict__["__name__"].__get__
_cut = str.__getitem__
_whole = str.__str__
_value_of = dict.get

_STDLIB = os.path.dirname(os.__file__) + "/"  # noqa: PTH120
_PACKAGES = ("/site-packages/", "/dist-packages/")
_IMPORTING = (f"{_STDLIB}importlib/__init__.py", "<frozen importlib")


def describe(error: BaseException, program: str) -> Report:
    """All that the verdict needs, of plain types.

    Args:
        program: the snippet's file; its directory is the snippet's own too.
    """
    steps = list(_steps(error))
    own = [step for step in steps if step[0] == program]
    line: int | None = own[-1][1] if own else None
    if issubclass(type(error), SyntaxError) and _field(error, "filename", str) == program:
        line = _field(error, "lineno", int)
    report = _describe_one(error)
    workspace = os.path.dirname(program) + "/"  # noqa: PTH120
    module = _field(error, "name", str) if issubclass(type(error), ModuleNotFoundError) else None
    return report | {
        "line": line,
        "raised_in": _place(error, steps, workspace),
        "missing_module": module and _text(module),
        "functions": [_function(step, workspace) for step in steps[-MAX_FUNCTIONS:]],
        "hub": _hub_source(steps, workspace),
        "causes": [_describe_one(cause) for cause in _causes(error)],
    }


def _describe_one(error: BaseException) -> Report:
    try:
        message = _text(str(error))
    except BaseException:  # an exception's own __str__ is the snippet's code too
        message = ""
    number = _field(error, "errno", int)
    return {
        "types": [_cut(_name_of(kind), slice(MAX_NAME)) for kind in _bases_of(type(error))[:MAX_TYPES]],
        "message": message,
        "errno": number if number is not None and abs(number) < 1 << 31 else None,
    }


def _field(error: BaseException, name: str, kind: type[Value]) -> Value | None:
    """An attribute that a subclass may have turned into code; None where it is not exactly of the kind."""
    try:
        value = getattr(error, name, None)
    except BaseException:
        return None
    return value if type(value) is kind else None


def _text(value: str) -> str:
    return _cut(value, slice(MAX_MESSAGE))


def _causes(error: BaseException) -> list[BaseException]:
    """What the exception was raised from or while handling, up to four steps back, the nearest first.

    An exception that carries another one in its arguments (urllib's URLError) names its cause so too.
    """
    causes: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and len(causes) < MAX_CAUSES:
        arguments = _arguments_of(current)
        inner = next((value for value in arguments if issubclass(type(value), BaseException)), None)
        context = None if _suppresses_context(current) else _context_of(current)
        current = _cause_of(current) or context or inner
        if current is not None:
            causes.append(current)
    return causes


def _steps(error: BaseException) -> Iterator[Step]:
    level: TracebackType | None = _traceback_of(error)
    while level is not None:
        code = level.tb_frame.f_code
        yield _whole(code.co_filename), level.tb_lineno, _whole(code.co_name), level.tb_frame
        level = level.tb_next


def _place(error: BaseException, steps: list[Step], workspace: str) -> str:
    """Who raised it: "snippet", "stdlib" or "library" (an installed package or a hub's file).

    The last level of the snippet's own decides: what it called and what then failed further
    down is a library's, unless that is only the way that a missing attribute or a missing
    module of the snippet's own statement takes.
    """
    owned = [number for number, step in enumerate(steps) if step[0].startswith(workspace)]
    below = steps[owned[-1] + 1 :] if owned else steps
    below = [step for step in below if not step[0].startswith(_IMPORTING)]
    if not below:
        return "snippet"
    if issubclass(type(error), AttributeError) and below[0][2] == "__getattr__":
        return "snippet"
    return "library" if any(_is_installed(step[0]) for step in below) else "stdlib"


def _is_installed(path: str) -> bool:
    if any(part in path for part in _PACKAGES):
        return True
    return not path.startswith((_STDLIB, "<"))


def _function(step: Step, workspace: str) -> str:
    path, _, function, frame = step
    module = "__main__" if path.startswith(workspace) else _value_of(frame.f_globals, "__name__")
    return f"{module}.{function}"[:MAX_NAME] if type(module) is str else function[:MAX_NAME]


def _hub_source(steps: list[Step], workspace: str) -> str | None:
    """The repository that torch.hub was looking up when it failed, as the snippet named it."""
    for step in steps:
        if _function(step, workspace) == "torch.hub._get_cache_or_reload":
            source = step[3].f_locals.get("github")
            return _text(source) if type(source) is str else None
    return None
