"""CodeBLEU of a completion's code against the reference's (Ren et al., arXiv 2009.10297).

The parts are those of the codebleu package for Python. This differs from its `calc_codebleu` in three things:

- Where the reference has no data flow (a single call has none), the package scores that part 0, warns,
  and then counts it as 1. Here it is undefined, and the other three parts are averaged.
- A data-flow match of 0, nothing found, the package also counts as 1. Here it is 0.
- The package puts the sources of a value in the order of a hash, so that its figure changes from one
  process to the next. Here they are in the order in which the program first names them.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import codebleu
from codebleu import bleu, weighted_ngram_match
from codebleu.dataflow_match import get_data_flow, normalize_dataflow
from codebleu.parser import DFG_python, remove_comments_and_docstrings
from codebleu.syntax_match import corpus_syntax_match
from codebleu.utils import get_tree_sitter_language
from tree_sitter import Node, Parser

MAX_LOOP_DEPTH = 12
"""The package walks a loop's body twice for each loop around it: at 12 levels 0.4 s, doubling with each."""

OTHER_WEIGHT = 0.2
"""Weight of a token that is no keyword in the weighted n-gram match (the package's value; a keyword has 1)."""


@dataclass(frozen=True)
class CodeBleuScore:
    """All in [0, 1]. ``dataflow`` is None where the reference has no data flow to find again."""

    codebleu: float
    ngram: float
    weighted_ngram: float
    syntax: float
    dataflow: float | None


class CodeBleu:
    """Scores Python code, 100 to 600 completions a second. Made once, as it loads the grammar."""

    def __init__(self) -> None:
        self._language = get_tree_sitter_language("python")
        self._parser = Parser()
        self._parser.language = self._language
        keywords = Path(codebleu.__file__).parent / "keywords" / "python.txt"
        self._keywords = frozenset(keywords.read_text(encoding="utf-8").split())

    def score(self, code: str | None, reference: str | None) -> CodeBleuScore | None:
        """The score of one completion's code against one reference.

        No code scores 0, as the prediction is empty. None: there is no reference code, or the package
        failed, or it would not end in time (loops nested deeper than MAX_LOOP_DEPTH).
        """
        if not reference or not reference.strip():
            return None
        if not code or not code.strip():
            return CodeBleuScore(0.0, 0.0, 0.0, 0.0, 0.0 if self.has_dataflow(reference) else None)
        try:
            if max(self._loop_depth(code), self._loop_depth(reference)) > MAX_LOOP_DEPTH:
                return None
            return self._score(code.strip(), reference.strip())
        except Exception:  # the package's own, of any kind, on odd code: not a score
            return None

    def has_dataflow(self, reference: str) -> bool:
        return bool(self._dataflow(reference))

    def num_without_dataflow(self, references: Iterable[str | None]) -> int:
        """How many of the references have code, but no data flow: their score stands on three parts."""
        return sum(not self.has_dataflow(reference) for reference in references if reference and reference.strip())

    def _score(self, code: str, reference: str) -> CodeBleuScore:
        tokens, reference_tokens = code.split(), reference.split()
        weights = {token: 1.0 if token in self._keywords else OTHER_WEIGHT for token in reference_tokens}
        ngram = bleu.corpus_bleu([[reference_tokens]], [tokens])
        weighted = weighted_ngram_match.corpus_bleu([[[reference_tokens, weights]]], [tokens])
        syntax = corpus_syntax_match([[reference]], [code], "python", tree_sitter_language=self._language)
        dataflow = self._dataflow_match(code, reference)
        parts = [ngram, weighted, syntax] + ([] if dataflow is None else [dataflow])
        return CodeBleuScore(math.fsum(parts) / len(parts), float(ngram), float(weighted), float(syntax), dataflow)

    def _dataflow_match(self, code: str, reference: str) -> float | None:
        """The share of the reference's data-flow edges that the code has (section 3.3); None without edges."""
        wanted, found = self._dataflow(reference), self._dataflow(code)
        matched = 0
        for edge in wanted:
            if edge in found:
                found.remove(edge)
                matched += 1
        return matched / len(wanted) if wanted else None

    def _dataflow(self, code: str) -> list[Any]:
        """Edges (variable, relation, sources), variables numbered in the order in which they appear."""
        with contextlib.suppress(Exception):  # Python's own tokenizer, which refuses unfinished code
            code = remove_comments_and_docstrings(code, "python")
        flow = get_data_flow(code, [self._parser, DFG_python])
        first_named: dict[str, int] = {}
        for name, position, *_ in sorted(flow, key=lambda item: item[1]):
            first_named.setdefault(name, position)
        ordered: list[Any] = [
            (name, position, relation, sorted(sources, key=lambda source: (first_named.get(source, -1), source)), [])
            for name, position, relation, sources, _ in flow
        ]
        return normalize_dataflow(ordered)

    def _loop_depth(self, code: str) -> int:
        deepest = 0
        pending: list[tuple[Node, int]] = [(self._parser.parse(code.encode()).root_node, 0)]
        while pending:
            node, depth = pending.pop()
            depth += node.type in ("for_statement", "while_statement")
            deepest = max(deepest, depth)
            pending.extend((child, depth) for child in node.children)
        return deepest
