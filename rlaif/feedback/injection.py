"""Code is data that may learn to talk to its judge: what keeps it from being heard.

- Everything under review reaches a prompt as JSON (`questions.quote`), always.
- `stripped`: comments, docstrings and, if wanted, the explanation are left out before a judge reads a sample.
- `vetoed`: whatever a judge was talked into, code that does not run loses.

How often a judge is talked into something is measured with `canaries`.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from rlaif.config import InjectionConfig
from rlaif.data.completion import parse_completion, render_completion
from rlaif.execution import Verdict
from rlaif.feedback.strategies import Judgement
from rlaif.records import Label, Preference, Sample

Execute = Callable[[Sequence[str | None]], "list[Verdict]"]


def stripped(sample: Sample, config: InjectionConfig) -> Sample:
    """The sample as the judge is to read it; the same where nothing is to be left out, or it has no code."""
    if not (config.strip_comments or config.hide_explanation):
        return sample
    completion = parse_completion(sample.text)
    if completion.code is None:
        return sample
    if config.strip_comments:
        completion = replace(completion, code=strip_comments(completion.code))
    if config.hide_explanation:
        completion = replace(completion, explanation=None)
    return replace(sample, text=render_completion(completion))


def strip_comments(code: str) -> str:
    """The code without comments, and with empty strings for docstrings and other strings that nothing reads.

    Code that is no Python keeps its strings, and loses what stands behind a `#` as far as it can be cut into tokens,
    and the lines that open with one after that.
    """
    lines = code.splitlines()
    spans = _comments(code) + _idle_strings(code, lines)
    emptied: set[int] = set()
    for (row, column), (end_row, end_column), instead in sorted(spans, reverse=True):
        lines[row - 1 : end_row] = [
            lines[row - 1][:column] + instead + lines[end_row - 1][end_column:],
            *[""] * (end_row - row),
        ]
        emptied |= {row, *range(row + 1, end_row + 1)}
    kept = [line.rstrip() for number, line in enumerate(lines, 1) if line.strip() or number not in emptied]
    return "\n".join(kept)


Span = tuple[tuple[int, int], tuple[int, int], str]
"""From and to, as (row from 1, column from 0), and what takes its place."""


def _comments(code: str) -> list[Span]:
    found: list[Span] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            if token.type == tokenize.COMMENT:
                found.append((token.start, token.end, ""))
    except (tokenize.TokenError, SyntaxError):
        read = {start[0] for start, _, _ in found}
        for number, line in enumerate(code.splitlines(), 1):
            if number not in read and line.lstrip().startswith("#"):
                found.append(((number, 0), (number, len(line)), ""))
    return found


def _idle_strings(code: str, lines: Sequence[str]) -> list[Span]:
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found: list[Span] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            value = node.value
            assert value.end_lineno is not None and value.end_col_offset is not None
            start = _column(lines[value.lineno - 1], value.col_offset)
            end = _column(lines[value.end_lineno - 1], value.end_col_offset)
            found.append(((value.lineno, start), (value.end_lineno, end), '""'))
    return found


def _column(line: str, num_bytes: int) -> int:
    """The syntax tree counts bytes of UTF-8."""
    return len(line.encode("utf-8", "surrogatepass")[:num_bytes].decode("utf-8", "replace"))


def veto(judgement: Judgement, samples: Sequence[Sample], execute: Execute) -> tuple[Judgement, int]:
    """The judgement with every sample lost whose own code is at fault, and how many those are.

    Only a `fault` vetoes: what the environment does not know or cannot tell leaves the judge's word as it is.
    """
    verdicts = execute([parse_completion(sample.text).code for sample in samples])
    at_fault = {sample.id: verdict.status == "fault" for sample, verdict in zip(samples, verdicts, strict=True)}
    lowest = _lowest(judgement.labels)
    labels = [replace(label, score=lowest) if at_fault.get(label.sample_id) else label for label in judgement.labels]
    preferences = [_vetoed_preference(one, at_fault) for one in judgement.preferences]
    return Judgement(judgement.answers, labels, preferences), sum(at_fault.values())


def _lowest(labels: Sequence[Label]) -> float:
    """0 on a scale of [0, 1]; one below the lowest score where scores count what was rejected."""
    worst = min((label.score for label in labels if label.score is not None), default=0.0)
    return 0.0 if worst >= 0 else worst - 1.0


def _vetoed_preference(preference: Preference, at_fault: Mapping[str, bool]) -> Preference:
    first, second = at_fault.get(preference.first_id, False), at_fault.get(preference.second_id, False)
    if first == second:
        return preference
    return replace(preference, p_first=0.0 if first else 1.0, source="execution", invalid="")
