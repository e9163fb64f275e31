"""Syntax trees and their numbers as text, whatever their size and depth."""

from __future__ import annotations

import ast
import copy

TOO_DEEP = "..."


def source_of(node: ast.AST) -> str:
    """The node as Python source. Never raises.

    `ast.unparse` does of an integer of over 4,300 digits, which code may hold in hexadecimal: it stays so here. What is
    nested too deep is an ellipsis.
    """
    try:
        return ast.unparse(node)
    except ValueError:
        return ast.unparse(_HugeNumbers().visit(copy.deepcopy(node)))
    except RecursionError:
        return TOO_DEEP


def number_text(value: complex) -> str:
    """A number as text; an integer that Python refuses to write in decimals is in hexadecimal."""
    try:
        return str(value)
    except ValueError:
        return hex(value)  # type: ignore[arg-type]  # only an integer has so many digits


class _HugeNumbers(ast.NodeTransformer):
    """Replaces numbers by names that read as they do."""

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return ast.Name(number_text(node.value), ast.Load()) if isinstance(node.value, int) else node
