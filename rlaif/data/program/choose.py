"""Which of several blocks of Python is the program.

The rule. A block *needs* another where it uses a name that it does not define and the other does: the nearest such
block before it, or else one after it that only defines. Blocks that need each other are one program and are joined in
their order, what only defines going before what needs it. Programs that need nothing of each other are alternatives, of
which the first counts: the first that stands alone (it parses, does more than import, and lacks no name), or where none
does, the first of all. A last block that the text's end cuts off is damaged by that alone: it needs what it names.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from rlaif.data.normalise import syntax_tree
from rlaif.pattern import Pattern
from rlaif.source.scopes import names_defined, undefined_names

MAX_BLOCKS = 40
"""Blocks after these are not looked at."""


def chosen_blocks(codes: Sequence[str], is_cut_off: bool = False) -> list[int]:
    """The numbers of the blocks that make the program, in the order in which they are joined; none of no blocks.

    ``is_cut_off``: whether the text ends within the last block.
    """
    if len(codes) < 2:
        return [0] if codes else []
    blocks = [_Block(code) for code in codes[:MAX_BLOCKS]]
    if is_cut_off and len(codes) <= MAX_BLOCKS:
        blocks[-1] = _Block(codes[-1], is_cut_off)
    providers = [_providers(blocks, number) for number in range(len(blocks))]
    programs = _programs(blocks, providers)
    alone = [program for program in programs if _stands_alone(blocks, providers, program)]
    return (alone or programs)[0]


_NAME = Pattern(r"(?<![\w.])[A-Za-z_]\w*")
_TEXT = Pattern(r"\"[^\"\n]*\"?|'[^'\n]*'?|#[^\n]*")
_BOUND = Pattern(
    r"^[ \t]*(?:(?:import|def|class|for|from[ \t]+[\w.]+[ \t]+import)[ \t]+([A-Za-z_]\w*)|([A-Za-z_]\w*)[ \t]*=(?!=))",
    re.MULTILINE,
)
"""A name that a line defines, of code that does not parse."""


@dataclass(frozen=True)
class _Block:
    code: str
    is_cut_off: bool = False

    @cached_property
    def tree(self) -> ast.Module | None:
        return syntax_tree(self.code)

    @cached_property
    def defined(self) -> frozenset[str]:
        return names_defined(self.tree) if self.tree else frozenset()

    @cached_property
    def lacking(self) -> frozenset[str]:
        if self.tree:
            return frozenset(found.name for found in undefined_names(self.tree))
        if not self.is_cut_off:
            return frozenset()
        bound = {name for names in _BOUND.findall(self.code) for name in names}
        return frozenset(_NAME.findall(_TEXT.sub("", self.code))) - bound

    @property
    def only_imports(self) -> bool:
        return self.tree is not None and all(
            isinstance(node, _IMPORTS) or _is_constant(node) for node in self.tree.body
        )

    @property
    def only_defines(self) -> bool:
        return self.tree is not None and all(
            isinstance(node, _DEFINITIONS) or _is_constant(node) for node in self.tree.body
        )


_IMPORTS = (ast.Import, ast.ImportFrom, ast.Pass)
_DEFINITIONS = (*_IMPORTS, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)


def _is_constant(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _providers(blocks: Sequence[_Block], number: int) -> dict[str, int]:
    """By name that the block lacks, the block that it has it from."""
    found: dict[str, int] = {}
    for name in blocks[number].lacking:
        before = (n for n in range(number - 1, -1, -1) if name in blocks[n].defined or "*" in blocks[n].defined)
        after = (n for n in range(number + 1, len(blocks)) if name in blocks[n].defined and blocks[n].only_defines)
        provider = next(before, None)
        provider = next(after, None) if provider is None else provider
        if provider is not None:
            found[name] = provider
    return found


def _programs(blocks: Sequence[_Block], providers: Sequence[dict[str, int]]) -> list[list[int]]:
    """The groups of blocks that need each other, by their first block, each in the order of joining."""
    group = list(range(len(blocks)))
    for number, needed in enumerate(providers):
        for provider in needed.values():
            old, new = group[provider], group[number]
            group = [min(old, new) if one in (old, new) else one for one in group]
    members = {root: [n for n, one in enumerate(group) if one == root] for root in sorted(set(group))}
    return [_in_order(numbers, providers) for numbers in members.values()]


def _in_order(numbers: list[int], providers: Sequence[dict[str, int]]) -> list[int]:
    """In the order of the text, save that what a block needs of a later one goes before it."""
    ordered: list[int] = []
    for number in numbers:
        later = sorted({provider for provider in providers[number].values() if provider > number})
        ordered += [one for one in (*later, number) if one not in ordered]
    return ordered


def _stands_alone(blocks: Sequence[_Block], providers: Sequence[dict[str, int]], program: list[int]) -> bool:
    whole = all(blocks[n].tree is not None and blocks[n].lacking <= providers[n].keys() for n in program)
    return whole and not all(blocks[n].only_imports for n in program)
