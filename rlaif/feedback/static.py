"""The static judge: program analysis, not an LLM.

It answers a question set's questions from the syntax tree, the standard library's
signatures and the API database, deterministically and at no cost, and one of them, "would
it run", by running the code where it is given a sandbox. It reads the reference's API,
domain and values of the example, which on training examples is fair evidence; an LLM judge
is never shown them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rlaif.config import QuestionConfig
from rlaif.errors import UserError
from rlaif.feedback.analysis import ANALYSES, CUT_OFF, Finding, no, undetermined
from rlaif.feedback.judge import UNANSWERED, Item
from rlaif.feedback.program import Program
from rlaif.feedback.questions import Question, QuestionSet
from rlaif.records import Answer, ApiRow
from rlaif.source.calls import ApiDatabase

if TYPE_CHECKING:
    from rlaif.execution import Verdict

Execute = Callable[[Sequence[str | None]], "list[Verdict]"]
"""Runs snippets, one verdict each, in order; `rlaif.execution.Executor.run`."""

RUN_AT_ONCE = 64
"""Snippets a batch: a killed run loses at most so many verdicts."""


class StaticJudge:
    """Answers a question set's questions by program analysis.

    Args:
        questions: Each names an analysis (`analysis.ANALYSES`).
        database: The hub's API rows; without any, the questions about APIs stay undetermined
            for what is not in the standard library.
        packages: Names that may be imported besides the standard library.
        execute: Runs code; without it, "runs" is answered as far as analysis can.

    Raises:
        UserError: a question names an analysis that is not there.
    """

    name = "static"

    def __init__(
        self,
        questions: QuestionSet,
        database: Sequence[ApiRow],
        packages: Sequence[str],
        execute: Execute | None = None,
    ) -> None:
        require_analyses(questions.questions)
        self._database = ApiDatabase(database)
        self._packages = frozenset(packages)
        self._execute = execute

    def answer(self, items: Sequence[Item]) -> Iterator[Answer]:
        """One answer an item: first what analysis answers, then, in batches, what has to be run."""
        programs = {item.sample.id: self._program(item) for item in items}
        to_run: list[Item] = []
        for item in items:
            if item.question.analysis == "runs" and self._execute is not None:
                to_run.append(item)
            else:
                yield self._analysed(item, programs[item.sample.id])
        for start in range(0, len(to_run), RUN_AT_ONCE):
            yield from self._run(to_run[start : start + RUN_AT_ONCE], programs)

    def _program(self, item: Item) -> Program:
        return Program(item.sample, item.example, self._database, self._packages)

    def _analysed(self, item: Item, program: Program) -> Answer:
        try:
            finding = ANALYSES[item.question.analysis](program)
        except RecursionError:
            finding = undetermined("the code is nested too deeply to be analysed")
        return self._answer(item, finding, "analysis")

    def _run(self, items: Sequence[Item], programs: Mapping[str, Program]) -> Iterator[Answer]:
        assert self._execute is not None
        verdicts = self._execute([programs[item.sample.id].completion.code for item in items])
        for item, verdict in zip(items, verdicts, strict=True):
            source = UNANSWERED if verdict.kind == "not_run" else "execution"
            finding = finding_of(verdict)
            if finding.yes and programs[item.sample.id].is_cut_off:
                finding = no(f"it ran, and {CUT_OFF}")
            yield self._answer(item, finding, source)

    def _answer(self, item: Item, finding: Finding, source: str) -> Answer:
        return Answer(
            sample_id=item.sample.id,
            question_id=item.question.id,
            p_yes=None if finding.yes is None else float(finding.yes),
            judge=self.name,
            source=source,
            evidence=finding.evidence if finding.yes is not None else "",
            invalid=finding.evidence if finding.yes is None else "",
        )


def require_analyses(questions: Sequence[Question] | Sequence[QuestionConfig]) -> None:
    """Raise UserError where a question names an analysis that is not there."""
    for question in questions:
        if question.analysis not in ANALYSES:
            known = ", ".join(ANALYSES)
            raise UserError(f"questions: {question.id} names no analysis ({question.analysis!r}); one of {known}")


def finding_of(verdict: Verdict) -> Finding:
    """pass is yes; a fault, or an API that the environment does not know, is no; the rest is undetermined."""
    evidence = ": ".join(part for part in (verdict.kind, verdict.message) if part)
    if verdict.line is not None and verdict.status != "pass":
        evidence = f"line {verdict.line}: {evidence}"
    if verdict.status == "pass":
        return Finding(True, "it ran")
    if verdict.status in ("fault", "unknown_api"):
        return Finding(False, evidence)
    return undetermined(evidence or verdict.status)
