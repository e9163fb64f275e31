"""AST match by the rules of Gorilla's own scripts, quirks included.

The rules are those of gorilla/eval/eval-scripts/ast_eval_{hf,tf,th}.py in ShishirPatil/gorilla (Patil et al.,
arXiv 2305.15334), one script a hub, so that a figure can stand beside a published one. What makes sense is
`rlaif.metrics.ast_match`, the strict kind. The quirks, all of which are kept:

- The call is cut out of the raw text: what follows the first ``api_call``, up to ``api_provider``, from two
  characters after the first colon to the last closing bracket. Escapes, quotes and markers stay in it.
- An answer without ``api_call`` is neither right nor hallucinated on Torch Hub; on the others all its text is tried.
- The rows are tried in the database's order, and the first that fits gives the domain. A row fits if each of its
  arguments is a substring of the subtree whose first child is the row's callee or, where there is none, of the
  subtree visited last.
- What counts as an argument differs: on Hugging Face the values of all, on TensorFlow Hub those of all where
  only ``model=`` is taken off, on Torch Hub those whose text has ``repo_or_dir`` or ``model``. The "value" is
  the third node of the argument: of a string with an equals sign in it, the closing quote.
- A row that is no call at its top, as ``model = load(...)``, has no arguments and never fits.

A row that would end a script with an error (an argument of fewer than three nodes) never fits here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from tree_sitter import Node

from rlaif.metrics.python_2023 import python_2023
from rlaif.records import ApiRow

Hub = Literal["huggingface", "tensorflow", "torchhub"]
HUBS: tuple[str, ...] = get_args(Hub)


@dataclass(frozen=True)
class GorillaMatch:
    """What a script says of one answer."""

    correct: bool
    """It fits a row, and that row has the example's domain ("functional accuracy")."""
    hallucinated: bool
    """It fits no row."""


@dataclass(frozen=True)
class _Row:
    """What a row asks of an answer; see `_fits`."""

    callee: bytes
    arguments: tuple[str, ...]
    domains: frozenset[str]
    """Of the row; of all rows with the same call where any of them is accepted."""


class GorillaMatcher:
    """The rules of one hub over its API database.

    ``any_identical``: the published Hugging Face figure is not the script's. On that hub 29 rows of two domains
    have the call ``joblib.load('model.joblib')``; with any of them accepted the recorded answers reach it.
    Raises `GrammarError` where the grammar cannot be compiled.
    """

    def __init__(self, rows: Sequence[ApiRow], hub: Hub, any_identical: bool = False) -> None:
        self.hub = hub
        domains: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            domains[row.api_call].add(row.domain)
        self._rows = [
            made
            for row in rows
            if (made := _row(row, hub, frozenset(domains[row.api_call] if any_identical else {row.domain})))
        ]

    def match(self, text: str, domain: str) -> GorillaMatch:
        """``text``: an answer as it was recorded or generated, unescaped by nobody; ``domain``: the example's."""
        call = cut_call(text, self.hub)
        if call is None:
            return GorillaMatch(correct=False, hallucinated=False)
        found = self._first_row(call)
        if found is None:
            return GorillaMatch(correct=False, hallucinated=True)
        return GorillaMatch(correct=domain in found.domains, hallucinated=False)

    def _first_row(self, call: str) -> _Row | None:
        by_first_child, last = _subtrees(call)
        return next((row for row in self._rows if _fits(row, by_first_child.get(row.callee, last))), None)


def cut_call(text: str, hub: Hub) -> str | None:
    """What a script takes for the call; None where it passes the answer over."""
    pieces = text.split("api_call")
    if len(pieces) == 1:
        return None if hub == "torchhub" else text
    section = pieces[1].split("api_provider")[0]
    start = max(0, section.find(":")) + 2
    end = section.rfind(")")
    return section[start : end + 1] if end >= 0 else section[start:-1]


def _fits(row: _Row, subtree: str) -> bool:
    return all(argument in subtree for argument in row.arguments)


def _parse(text: str) -> tuple[bytes, Node]:
    """The text in UTF-8, into which nodes point, and the root of its tree. Half a surrogate pair becomes a "?"."""
    source = text.encode("utf-8", "replace")
    return source, python_2023()(source)


def _subtrees(call: str) -> tuple[dict[bytes, str], str]:
    """(text of the first subtree visited, by the text of its first child; text of the subtree visited last).

    The tree is walked from its root, the last child before the first.
    """
    by_first_child: dict[bytes, str] = {}
    source, root = _parse(call)
    stack, node = [root], root
    while stack:
        node = stack.pop()
        if node.children:
            by_first_child.setdefault(_bytes(source, node.children[0]), _text(source, node))
        stack.extend(child for child in node.children if child.children)
    return by_first_child, _text(source, node)


def _row(row: ApiRow, hub: Hub, domains: frozenset[str]) -> _Row | None:
    """None for a row that no answer can fit."""
    source, root = _parse(row.api_call)
    try:
        top = root.children[0].children[0]
        callee, second = top.children[0], top.children[1]
        arguments = [_argument(source, child, hub) for child in second.children]
    except IndexError:
        return None
    asked = tuple(argument.strip("'") for argument in arguments if argument is not None)
    return _Row(_bytes(source, callee), asked, domains) if asked else None


def _argument(source: bytes, node: Node, hub: Hub) -> str | None:
    """What an answer has to contain for this argument of a row; None: nothing."""
    text = _text(source, node)
    if hub == "torchhub":
        return _text(source, node.children[2]) if "repo_or_dir" in text or "model" in text else None
    is_named = "=" in text if hub == "huggingface" else "model=" in text or "model =" in text
    if is_named:
        return _text(source, node.children[2])
    return None if text in ("(", ")", ",") else text


def _bytes(source: bytes, node: Node) -> bytes:
    return source[node.start_byte : node.end_byte]


def _text(source: bytes, node: Node) -> str:
    return _bytes(source, node).decode("utf-8", "replace")
