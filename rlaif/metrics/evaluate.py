"""Completions in, evaluations out: every metric of every sample."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from tqdm import tqdm

from rlaif.data.completion import Completion, parse_completion, render_completion
from rlaif.metrics.api_database import ApiDatabase
from rlaif.metrics.ast_match import match_completion
from rlaif.metrics.called_api import called_api
from rlaif.metrics.codebleu import CodeBleu
from rlaif.metrics.gorilla_match import HUBS, GorillaMatcher
from rlaif.metrics.python_2023 import GrammarError
from rlaif.metrics.rouge import Rouge
from rlaif.metrics.summary import NOT_RUN, Summary, differences, summarize
from rlaif.records import ApiRow, Evaluation, Example, Sample

if TYPE_CHECKING:
    from rlaif.execution import Verdict

__all__ = ["Execute", "Summary", "differences", "evaluate_texts", "summarize"]

logger = logging.getLogger(__name__)

Execute = Callable[[Sequence[str | None]], "list[Verdict]"]


def evaluate_texts(
    samples: Sequence[Sample],
    examples: Mapping[str, Example],
    database: ApiDatabase | Sequence[ApiRow],
    execute: Execute | None,
    hub: str | None = None,
) -> list[Evaluation]:
    """Score each sample against its example's reference; the order is that of the samples.

    ``hub``: whose scripts give Gorilla's kind of AST match, "huggingface", "tensorflow" or "torchhub"; of
    other data, and where the grammar of the scripts cannot be compiled, that kind is None.

    1. Read the sections of every completion.
    2. Run all code at once (``execute``; None where execution is off: then nothing is called a failure).
    3. Compare each with its reference: AST match of both kinds, ROUGE-L on all sections, CodeBLEU on the code.

    KeyError where a sample's example is not among the examples.
    """
    database = database if isinstance(database, ApiDatabase) else ApiDatabase(database)
    gorilla = _gorilla_matcher(database, hub)
    completions = [parse_completion(sample.text) for sample in samples]
    verdicts = _verdicts(completions, execute)
    rouge, codebleu = Rouge("rougeL"), CodeBleu()
    references = {id: parse_completion(examples[id].reference) for id in {sample.example_id for sample in samples}}

    evaluations = []
    work = tqdm(zip(samples, completions, verdicts, strict=True), "metrics", len(samples), unit="sample", mininterval=1)
    for sample, completion, verdict in work:
        example = examples[sample.example_id]
        match = match_completion(completion, example, database)
        official = gorilla.match(sample.text, example.domain) if gorilla else None
        rouge_scores = rouge.score(render_completion(completion), example.reference)
        code_score = codebleu.score(completion.code, references[example.id].code)
        evaluations.append(
            Evaluation(
                sample_id=sample.id,
                example_id=example.id,
                ast_gorilla=official.correct if official else None,
                hallucinated_gorilla=official.hallucinated if official else None,
                ast_strict=match.correct,
                hallucinated_strict=match.hallucinated,
                exact_call=match.exact_call,
                rouge_l=rouge_scores["rougeL"] if rouge_scores else None,
                codebleu=code_score.codebleu if code_score else None,
                codebleu_ngram=code_score.ngram if code_score else None,
                codebleu_weighted_ngram=code_score.weighted_ngram if code_score else None,
                codebleu_syntax=code_score.syntax if code_score else None,
                codebleu_dataflow=code_score.dataflow if code_score else None,
                api=called_api(completion, database),
                verdict=verdict.status if verdict else "inconclusive",
                failure=verdict.kind if verdict else NOT_RUN,
                message=verdict.message if verdict else "",
                line=verdict.line if verdict else None,
            )
        )
    return evaluations


def _gorilla_matcher(database: ApiDatabase, hub: str | None) -> GorillaMatcher | None:
    if hub not in HUBS or not database.source:
        return None
    try:
        return GorillaMatcher(database.source, hub)
    except GrammarError as error:
        logger.warning("%s; Gorilla's kind of AST match is left out", error)
        return None


def _verdicts(completions: Sequence[Completion], execute: Execute | None) -> Sequence[Verdict | None]:
    if execute is None:
        return [None] * len(completions)
    verdicts = execute([completion.code for completion in completions])
    if len(verdicts) != len(completions):
        raise RuntimeError(f"execute gave {len(verdicts)} verdicts for {len(completions)} completions")
    return verdicts
