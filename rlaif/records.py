"""The records that flow from stage to stage, and their JSONL form.

    Example -> Sample -> Answer -> Label or Preference -> Pair -> (models) -> Evaluation

Everything is keyed by id, never by prompt text. This module knows only the
standard library, so that every room may import it.
"""

from __future__ import annotations

import dataclasses
import io
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

Split = Literal["train", "validation", "eval"]
FinishReason = Literal["stop", "length"]
"""Whether a completion ended by itself or ran into the length limit, and is cut off there."""


@dataclass(frozen=True)
class Example:
    """One task: what is asked for, and the answer that the data set gives."""

    id: str
    instruction: str
    reference: str
    """The reference completion in the canonical section form."""
    api_call: str
    """The reference's API call, as the data set's own field gives it."""
    domain: str
    provider: str
    split: Split


@dataclass(frozen=True)
class ApiRow:
    """One row of an API database."""

    api_call: str
    domain: str
    provider: str
    name: str = ""
    examples: str = ""
    """The row's example code, as text; it names calls that the row itself does not."""


@dataclass(frozen=True)
class Sample:
    """One completion that a policy gave for an example."""

    id: str
    example_id: str
    text: str
    policy: str
    """Which policy gave it: sft, rl, responses or reference."""
    seed: int
    finish_reason: FinishReason


@dataclass(frozen=True)
class Answer:
    """A judge's answer to one question about one sample.

    ``p_yes`` is None where the answer could not be read; ``invalid`` then says why.
    An invalid answer is never a "no".
    """

    sample_id: str
    question_id: str
    p_yes: float | None
    judge: str
    source: str
    """Where p_yes comes from: analysis, execution, logprobs, votes or text."""
    evidence: str = ""
    invalid: str = ""


@dataclass(frozen=True)
class Label:
    """The score S(t, o) of one sample, higher is better: the weighted mean of its valid answers, in [0, 1],
    or, of claims, minus the number of the rejected ones.

    ``score`` is None where no answer, or too few, could be read.
    """

    sample_id: str
    score: float | None
    num_valid: int


@dataclass(frozen=True)
class Preference:
    """What a judge said of two samples of one example that it saw side by side, in both orders.

    ``p_first`` is None where one of the orders could not be read; ``invalid`` then says why.
    """

    example_id: str
    first_id: str
    second_id: str
    p_first: float | None
    """The probability that the first is the better one, the mean over both orders."""
    source: str
    """logprobs, votes or text; mixed where the orders differ."""
    order_gap: float | None
    """By how much a sample's probability is higher where it is shown first: the judge's bias for the order."""
    judge: str = ""
    invalid: str = ""


@dataclass(frozen=True)
class Pair:
    """A preference between two completions of one example; ids name samples."""

    example_id: str
    chosen_id: str
    rejected_id: str
    chosen: str
    rejected: str
    margin: float
    """The difference in score; of two that were compared, how far the probability is from a half."""
    p_chosen: float = 1.0
    """The soft label: the probability that the chosen one is the better one."""


@dataclass(frozen=True)
class Evaluation:
    """The metrics of one sample. A metric that could not be computed is None, never 0."""

    sample_id: str
    example_id: str
    ast_gorilla: bool | None
    """Right by the rules of Gorilla's scripts; None where the data set is none of its hubs."""
    hallucinated_gorilla: bool | None
    ast_strict: bool | None
    """Right by the project's own rules: the callee is there, arguments are compared as arguments."""
    hallucinated_strict: bool | None
    exact_call: bool | None
    rouge_l: float | None
    codebleu: float | None
    codebleu_ngram: float | None
    codebleu_weighted_ngram: float | None
    codebleu_syntax: float | None
    codebleu_dataflow: float | None
    """None where the reference has no data flow; `codebleu` is then the mean of the other three parts."""
    api: str | None
    """The API that it calls: on a hub the loader with its model's id, elsewhere the dotted callee; None: none."""
    verdict: str
    """pass, fault, unknown_api or inconclusive."""
    failure: str
    """The verdict's kind: syntax, name, import, type, value, timeout, ... or empty on a pass."""
    message: str = ""
    line: int | None = None
    """The line of the code that failed, from 1; None where no line is to blame."""


@dataclass(frozen=True)
class WatchPoint:
    """Held-out prompts' completions after some rollouts of PPO. What could not be computed is None."""

    step: int
    """Rollouts done; 0 is the policy that PPO started from."""
    reward_model: float | None
    """The reward model's mean reward, before its weight."""
    executability: float | None
    ast_strict: float | None
    distinct_apis: int
    """Different APIs that the completions call."""
    api_entropy: float | None
    """Of the shares of the APIs called, nats; None where nothing is called."""
    num: int
    """Completions, one for each prompt."""
    reward_model_error: float | None = None
    """Standard error of `reward_model`; None for fewer than two completions too."""
    api_entropy_error: float | None = None
    """Standard error of `api_entropy`."""


class RecordError(ValueError):
    """A record file holds something that is not a record of the expected kind."""


Record = TypeVar("Record")


def to_json(record: Any) -> str:
    """One line of JSON for a dataclass record."""
    return json.dumps(dataclasses.asdict(record), ensure_ascii=False)


def from_json(kind: type[Record], line: str) -> Record:
    """Read back what `to_json` wrote; RecordError where the line is something else."""
    try:
        fields = json.loads(line)
        return kind(**fields)
    except (ValueError, RecursionError, TypeError) as error:
        raise RecordError(f"not a {kind.__name__}: {error}") from None


def write_records(path: Path, records: Iterable[Any]) -> None:
    """Write a whole file at once: it is either there with all records, or not there."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8") as file:
        for record in records:
            file.write(to_json(record) + "\n")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def read_records(path: Path, kind: type[Record]) -> list[Record]:
    """All records of a finished file. Errors name the file and the line."""
    return _parse(path, path.read_bytes(), kind)


class RecordLog:
    """An append-only JSONL file that survives a kill at any point.

    A record is on disk when `append` returns. Opening drops a torn last line, which
    is all that a kill can leave behind: who opens it has to be the only one that writes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        drop_torn_line(path)
        self._file = path.open("a", encoding="utf-8")

    def append(self, *records: Any) -> None:
        self._file.write("".join(to_json(record) + "\n" for record in records))
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> RecordLog:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def drop_torn_line(path: Path) -> None:
    """Cut a last line that has no newline: a kill hit while it was being written. For the one who appends only."""
    if not path.exists():
        return
    content = path.read_bytes()
    whole = len(whole_lines(content))
    if whole < len(content):
        os.truncate(path, whole)


def whole_lines(content: bytes) -> bytes:
    """What a log holds up to its last newline: behind it is a line that is being written, or that a kill cut short."""
    return content[: content.rfind(b"\n") + 1]


def read_log(path: Path, kind: type[Record]) -> list[Record]:
    """The records of a log that may not exist yet, that somebody is writing, or that a kill has torn; it stays so."""
    return _parse(path, whole_lines(path.read_bytes()), kind) if path.exists() else []


def _parse(path: Path, content: bytes, kind: type[Record]) -> list[Record]:
    records = []
    for number, line in enumerate(io.BytesIO(content), 1):
        try:
            records.append(from_json(kind, line.decode("utf-8")))
        except (RecordError, UnicodeDecodeError) as error:
            raise RecordError(f"{path}:{number}: {error}") from None
    return records
