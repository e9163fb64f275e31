"""The frames beneath a snippet, which say that it has passed where it has, and which it cannot lead astray.

What a snippet may do to them, and why it comes to nothing:

- replace functions of modules, builtins, globals: all that is used once it runs is bound to the frames' own
  variables before, which nobody else can write to (in Python 3.11 and 3.12; from 3.13 on, `f_locals` could);
- trace them, to change variables or the line that comes next: they run within a trace function, where the
  interpreter traces nothing (`sys.call_tracing` lets it trace the snippet);
- call the announcement itself, or have what is called on its behalf do so: that happens further down the stack,
  which the server sees (`witness`). After the snippet, `announce` itself calls functions of C alone;
- raise at any time, from a signal handler or a finalizer: whatever is raised, the first call that follows ends the
  process.
"""

from __future__ import annotations

import _signal
import functools
import os
import signal
import sys
from collections.abc import Callable, Collection, Set
from dataclasses import dataclass
from types import CodeType
from typing import Any, NoReturn

Arguments = tuple[CodeType, dict[str, Any]]

_traceback_of = BaseException.__dict__["__traceback__"].__get__
_context_of = BaseException.__dict__["__context__"].__get__


@dataclass(frozen=True)
class Program:
    """A snippet in two parts, so that an exit from within the last statement is told from one before it."""

    beginning: CodeType | None
    """All statements before the last one; None where there are none."""
    ending: CodeType
    clearing_lines: Set[int]
    """Lines of `finally` blocks and heads of `with`: an exit there takes the place of what was raised before."""


@dataclass(frozen=True)
class Announcement:
    """How a child says that its program has passed."""

    descriptor: int
    token: bytes
    halt: int
    """The signal that it sends itself then; 0 for none."""


def run(
    program: Program,
    namespace: dict[str, Any],
    announcement: Announcement,
    finish: Callable[[], None],
    report: Callable[[BaseException], None],
) -> NoReturn:
    """Run a program as the main module; ends the process.

    Args:
        finish: called when its last statement has ended, before it is announced.
        report: called with what was raised where it has not passed; has no say in whether it has.
    """
    attempt = functools.partial(
        _attempt,
        None if program.beginning is None else (program.beginning, namespace),
        (program.ending, namespace),
        functools.partial(_displaces_an_error, program.ending.co_filename, program.clearing_lines),
        finish,
        report,
    )
    _without_tracing(functools.partial(announce, attempt, announcement, os.getpid()))
    os._exit(0)


def _without_tracing(function: Callable[[], None]) -> None:
    """Call a function from within a trace function: this thread then traces nothing but what `call_tracing` runs."""

    def enter(frame: object, event: str, argument: object) -> None:
        sys.settrace(None)
        function()

    sys.settrace(enter)
    (lambda: None)()


def announce(
    attempt: Callable[[], None],
    announcement: Announcement,
    own_id: int,
    getpid: Callable[[], int] = os.getpid,
    mask: Callable[[int, Collection[int]], object] = _signal.pthread_sigmask,
    how: int = int(signal.SIG_BLOCK),
    all_signals: Collection[int] = tuple(map(int, signal.valid_signals())),
    write: Callable[[int, bytes], int] = os.write,
    send: Callable[[int], None] = signal.raise_signal,
    leave: Callable[[int], NoReturn] = os._exit,
) -> None:
    """Make the attempt, and stop to be looked at where it returns.

    The attempt is a partial, so that it has an evaluation loop of its own, further down the stack. Without isolation
    a snippet may have forked: its child has no say.
    """
    descriptor, token, halt = announcement.descriptor, announcement.token, announcement.halt
    try:
        attempt()
        if getpid() == own_id:
            mask(how, all_signals)  # no handler's frame is in the way when the server looks
            write(descriptor, token)
            send(halt)
    finally:
        leave(0)


def _attempt(
    beginning: Arguments | None,
    ending: Arguments,
    displaces_an_error: Callable[[BaseException], bool],
    finish: Callable[[], None],
    report: Callable[[BaseException], None],
    trace: Callable[..., object] = sys.call_tracing,
    execute: Callable[..., None] = exec,
    exit_type: type[SystemExit] = SystemExit,
    code_of: Callable[[SystemExit], object] = SystemExit.__dict__["code"].__get__,
    is_subclass: Callable[[type, type], bool] = issubclass,
    type_of: type[type] = type,
    integer: type[int] = int,
    masked: Callable[[Any, int], int] = int.__and__,
    raised: Callable[[], Any] = sys.exc_info,
) -> None:
    """Returns where the program ended normally, or by an exit with a status of success within its last statement."""
    try:
        if beginning is not None:
            trace(execute, beginning)
        try:
            trace(execute, ending)
        except exit_type as error:
            code = code_of(error)
            if code is not None and (not is_subclass(type_of(code), integer) or masked(code, 255)):
                raise
            if displaces_an_error(error):
                raise
        finish()
    except:
        report(raised()[1])
        raise


def _displaces_an_error(path: str, clearing_lines: Set[int], error: SystemExit) -> bool:
    """Whether an exit arose in a `finally` or at the end of a `with` while something else was on its way out."""
    if not clearing_lines or _context_of(error) is None:
        return False
    level = _traceback_of(error)
    while level is not None:
        if level.tb_frame.f_code.co_filename == path and level.tb_lineno in clearing_lines:
            return True
        level = level.tb_next
    return False
