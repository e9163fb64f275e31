"""Programs that also assert their result, as people's references often do.

To write `assert result == 6` a policy has to know what the program gives: easy where it is a
value of the instruction, hard where it has to be computed. So a reference's habit is a risk
for a small policy, and whether it learns to leave the assertion out is up to the feedback.
"""

from __future__ import annotations

import ast
import contextlib
import io
from typing import Any

MAX_LENGTH = 24
"""Characters of a result that is worth asserting."""

DECIMALS = 2
"""A float with more of them is rounded before it is asserted."""


def with_assertion(code: str) -> str | None:
    """`code` with its result asserted; None where that is nothing short and literal.

    The result is what the last line prints. `code` is run here, in this process: it comes from
    the templates of this package, never from a model.

        import math                     import math
        print(math.gcd(12, 18))   ->    result = math.gcd(12, 18)
                                        assert result == 6
                                        print(result)
    """
    *head, last = code.splitlines()
    printed = printed_expression(last)
    if printed is None:
        return None
    value = value_of("\n".join(head), printed)
    if isinstance(value, float) and round(value, DECIMALS) != value:
        printed, value = f"round({printed}, {DECIMALS})", round(value, DECIMALS)
    if not is_short_literal(value):
        return None
    return "\n".join([*head, f"result = {printed}", f"assert result == {value!r}", "print(result)"])


def printed_expression(line: str) -> str | None:
    """The only argument of a line `print(...)`, which is not indented; None for any other line."""
    try:
        body = ast.parse(line).body
    except SyntaxError:
        return None
    match body:
        case [ast.Expr(ast.Call(ast.Name("print"), [argument], []))]:
            return ast.get_source_segment(line, argument)
    return None


def value_of(statements: str, expression: str) -> Any:
    namespace: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(statements, "reference", "exec"), namespace)
        return eval(compile(expression, "reference", "eval"), namespace)


def is_short_literal(value: Any) -> bool:
    text = repr(value)
    if value is None or len(text) > MAX_LENGTH:
        return False
    with contextlib.suppress(ValueError, SyntaxError):
        return bool(ast.literal_eval(text) == value)
    return False
