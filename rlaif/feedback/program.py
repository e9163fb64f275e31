"""A sample's program, taken apart once for all the questions about it."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cached_property

from rlaif.data.completion import Completion, ends_with_code, parse_completion
from rlaif.records import Example, Sample
from rlaif.source.calls import ApiDatabase, Bindings, Call, bindings_of, calls_in, calls_in_text
from rlaif.source.parse import parse
from rlaif.source.written import number_text

NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w])")


@dataclass(frozen=True)
class Program:
    """One sample and its example, with what the analyses ask of them."""

    sample: Sample
    example: Example
    database: ApiDatabase
    packages: frozenset[str]

    @cached_property
    def completion(self) -> Completion:
        return parse_completion(self.sample.text)

    @cached_property
    def reference(self) -> Completion:
        return parse_completion(self.example.reference)

    @cached_property
    def _parsed(self) -> tuple[ast.Module | None, str]:
        return _parse(self.completion.code)

    @property
    def tree(self) -> ast.Module | None:
        """The code's syntax tree; None where it does not parse."""
        return self._parsed[0]

    @property
    def syntax_error(self) -> str:
        """Why there is no tree."""
        return self._parsed[1]

    @property
    def is_cut_off(self) -> bool:
        """Whether the output ran into its length limit within the code."""
        return self.sample.finish_reason == "length" and ends_with_code(self.sample.text, self.completion.code)

    @cached_property
    def bindings(self) -> Bindings:
        return bindings_of(self.tree) if self.tree else Bindings()

    @cached_property
    def code_calls(self) -> list[Call]:
        return calls_in(self.tree, self.bindings) if self.tree else []

    @cached_property
    def code_strings(self) -> frozenset[str]:
        """Every string literal of the code."""
        nodes = ast.walk(self.tree) if self.tree else ()
        return frozenset(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))

    @cached_property
    def stated_calls(self) -> list[Call]:
        """The calls of the output's api_call section."""
        return calls_in_text(self.completion.api_call or "", self.bindings)

    @cached_property
    def api_calls(self) -> list[Call]:
        """The calls under review, those of the api_call section or else the code's: first the ones that the
        database knows, then those of which it knows the function."""
        calls = self.stated_calls or self.code_calls
        return sorted(calls, key=lambda call: (not self.database.find(call), not self.database.has_callee(call)))

    @property
    def api_call(self) -> Call | None:
        """The first of `api_calls`."""
        return self.api_calls[0] if self.api_calls else None

    @cached_property
    def values(self) -> dict[str, bool]:
        """The values that the reference takes from the instruction, and whether the code has them too."""
        reference_tree, _ = _parse(self.reference.code)
        if reference_tree is None:
            return {}
        named = {value for value in _values(reference_tree) if _is_named(value, self.example.instruction)}
        used = _values(self.tree) if self.tree else set()
        return {value: value in used for value in sorted(named)}


def _parse(code: str | None) -> tuple[ast.Module | None, str]:
    if code is None or not code.strip():
        return None, "the output has no code"
    tree, error, line = parse(code)
    return tree, f"line {line}: {error}" if line is not None else error


def _values(tree: ast.AST) -> set[str]:
    """String and number literals, as the text that an instruction would name them by."""
    constants = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return {
        text
        for value in constants
        if isinstance(value, str | int | float) and not isinstance(value, bool)
        if (text := value.strip() if isinstance(value, str) else number_text(value))
    }


def _is_named(value: str, instruction: str) -> bool:
    if NUMBER.fullmatch(value):
        return value in NUMBER.findall(instruction)
    return re.search(rf"(?<!\w){re.escape(value)}(?!\w)", instruction) is not None
