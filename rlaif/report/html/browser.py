"""The examples side by side, as plain data that assets/report.js shows.

Text is data all the way: the JSON is escaped so that nothing in it can end the script element that holds it,
and the browser makes text nodes of it.
"""

from __future__ import annotations

import builtins
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rlaif.data.completion import Completion, parse_completion
from rlaif.metrics.api_database import ApiDatabase
from rlaif.metrics.ast_match import completion_calls
from rlaif.records import Evaluation, Example, Sample

MAX_SAMPLES = 4
"""Completions of one example that a row shows."""


@dataclass(frozen=True)
class Row:
    """A policy's completions and what came of them; an evaluation belongs to the sample of its id."""

    key: str
    name: str
    samples: Sequence[Sample]
    evaluations: Sequence[Evaluation]


def browser_data(examples: Sequence[Example], rows: Sequence[Row], database: ApiDatabase) -> dict[str, Any]:
    """All examples with every row's completions, as JSON values. The short keys are read by report.js."""
    answers = {row.key: _answers(row, database) for row in rows}
    return {
        "rows": [{"key": row.key, "name": row.name} for row in rows],
        "maxSamples": MAX_SAMPLES,
        "examples": [
            {
                "id": example.id,
                "instruction": example.instruction,
                "domain": example.domain,
                "answers": {
                    row.key: answers[row.key][example.id] for row in rows if example.id in answers[row.key]
                },
            }
            for example in examples
        ],
    }  # fmt: skip


def as_script(data: Any) -> str:
    """JSON in ASCII that can stand in a script element: no `<` in it, so neither `</script>` nor `<!--`."""
    text = json.dumps(data, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _answers(row: Row, database: ApiDatabase) -> dict[str, list[dict[str, Any]]]:
    """By example, its first completions."""
    evaluations = {evaluation.sample_id: evaluation for evaluation in row.evaluations}
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for sample in row.samples:
        if len(found[sample.example_id]) < MAX_SAMPLES:
            found[sample.example_id].append(_answer(sample, evaluations.get(sample.id), database))
    return dict(found)


def _answer(sample: Sample, evaluation: Evaluation | None, database: ApiDatabase) -> dict[str, Any]:
    """A completion in its sections, with its verdict; what is empty is left out."""
    completion = parse_completion(sample.text)
    values: dict[str, Any] = {
        "domain": completion.domain,
        "call": completion.api_call,
        "explanation": completion.explanation,
        "code": completion.code,
        "raw": sample.text if completion.steps or completion.code is None else None,
        "cut": sample.finish_reason == "length",
    }
    if evaluation is not None:
        values |= {
            "verdict": evaluation.verdict,
            "failure": evaluation.failure,
            "message": evaluation.message,
            "line": evaluation.line,
            "right": evaluation.ast_strict,
            "gorilla": evaluation.ast_gorilla,
            "exact": evaluation.exact_call,
            "api": evaluation.api,
            "rouge": _rounded(evaluation.rouge_l),
            "codebleu": _rounded(evaluation.codebleu),
        }
        if evaluation.hallucinated_strict:
            values["unknown"] = unknown_names(completion, database) or [completion.api_call or ""]
    return {name: value for name, value in values.items() if value not in (None, "", False)} | _told(values)


def _told(values: Mapping[str, Any]) -> dict[str, bool]:
    """A False that was found out, unlike a None, is kept."""
    return {name: False for name in ("right", "gorilla", "exact") if values.get(name) is False}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def unknown_names(completion: Completion, database: ApiDatabase) -> list[str]:
    """What to mark in a completion whose call is in no row of the database.

    The callee, where no row has it; else those of the call's strings (a repository, a model) that no row names, or
    all of them where the rows know each alone.
    """
    calls = [call for call in completion_calls(completion) if not hasattr(builtins, call.callee)]
    if not calls:
        return []
    call = calls[0]
    related = [row for row in database.rows if row.key.has_callee(call)]
    strings = sorted(call.strings)
    if not related or not strings:
        return [call.written]
    known = frozenset[str]().union(*(row.call.strings for row in related))
    return [string for string in strings if string and string not in known] or [s for s in strings if s]
