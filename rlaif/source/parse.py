"""Source text to a syntax tree, or to why there is none."""

from __future__ import annotations

import ast
import warnings


def parse(code: str) -> tuple[ast.Module | None, str, int | None]:
    """(tree, "", None), or (None, why, the line to blame if one is known). Never raises."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in string literals
            return ast.parse(code), "", None
    except SyntaxError as error:
        return None, str(error.msg), error.lineno
    except (ValueError, RecursionError, MemoryError) as error:
        return None, f"the code does not parse: {error or type(error).__name__}", None
