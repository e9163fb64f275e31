"""A user's own records: one JSON object a line.

    {"instruction": ..., "reference" or "completion" or "code": ...,
     "api_call": ..., "domain": ..., "provider": ..., "id": ..., "split": ...}

The second line's fields are optional. A reference may have any shape that
`parse_completion` reads; `code` is the code alone. Read too, in this order:

- instruction: `instruction`, `prompt`, `question`, `query`, `problem`, `task`, `text`, or the last turn of a user in
  `messages` or `conversations`. An `input` beside it follows it under "###Input:", as in APIBench.
- reference: `reference`, `completion`, `output`, `response`, `answer`, `solution`, `target`, or the turn of the
  assistant after the user's. A prompt or a completion may be a list of messages. `code` counts where these hold none.
- id: a text or a whole number, 0 among them. split: train, validation (`val`, `valid`, `dev`) or eval (`test`).

A record whose reference holds no code is left out of training; for evaluation it is kept. Both are listed, and so is,
once a file, a field that says something about the task and is not read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from rlaif.data.completion import Completion, parse_completion, render_completion
from rlaif.data.lines import BadRow, Problem, Row, id_field, read_rows, text_field
from rlaif.data.normalise import without_half_surrogates
from rlaif.data.program.find import clean_code
from rlaif.records import Example, Split

INSTRUCTIONS = ("instruction", "prompt", "question", "query", "problem", "task", "text")
REFERENCES = ("reference", "completion", "output", "response", "answer", "solution", "target")
TURNS = ("messages", "conversations")
SPLITS: dict[str, Split] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "val", "valid", "dev", "development"), "validation"),
    **dict.fromkeys(("eval", "evaluation", "test", "testing"), "eval"),
}
UNREAD = (
    "answers", "canonical_solution", "chosen", "completions", "context", "examples", "history", "inputs", "outputs",
    "rejected", "responses", "solutions", "starter_code", "system", "system_prompt", "test", "test_cases", "tests",
)  # fmt: skip
"""What a record may say about its task and nothing here asks for."""


def read_jsonl(path: Path, split: Split) -> tuple[list[Example], list[Problem]]:
    """The examples of one file; a record's own `split` goes before the argument.

    A record without an id gets the file's stem and its index. Raises UserError where no
    record can be used.
    """
    reader = _Reader(path, split)
    examples, problems = read_rows(path, reader.example)
    return examples, sorted([*problems, *reader.notes], key=lambda problem: problem.line)


@dataclass
class _Reader:
    path: Path
    split: Split
    notes: list[Problem] = field(default_factory=list)
    """What is to be known of records that are used."""
    _seen: set[str] = field(default_factory=set)
    _unread: set[str] = field(default_factory=set)

    def example(self, index: int, row: Row) -> Example:
        example = _make_example(f"{self.path.stem}-{index:04d}", row, self.split)
        if example.id in self._seen:
            raise BadRow(f"id {example.id!r} is taken by an earlier line")
        self._seen.add(example.id)
        if "<<<code>>>" not in example.reference:
            self._note(index, "the reference has no code: for evaluation only")
        for name in UNREAD:
            if row.get(name) and name not in self._unread:
                self._unread.add(name)
                self._note(index, f"the field {name!r} is not read, here and further on")
        return example

    def _note(self, index: int, reason: str) -> None:
        self.notes.append(Problem(self.path.name, index + 1, reason, dropped=False))


def _make_example(default_id: str, row: Row, split: Split) -> Example:
    asked, answered = _turns(row)
    instruction = _text(row, *INSTRUCTIONS) or asked
    if not instruction:
        raise BadRow("no instruction")
    given = text_field(row, "input")
    own_split = _split(row, split)
    parsed = _reference(row, answered)
    if parsed.code is None and own_split != "eval":
        raise BadRow("the reference has no code")
    return Example(
        id=id_field(row, "id") or default_id,
        instruction=f"{instruction}\n###Input: {given}" if given and given != instruction else instruction,
        reference=render_completion(parsed),
        api_call=text_field(row, "api_call") or parsed.api_call or "",
        domain=text_field(row, "domain") or parsed.domain or "",
        provider=text_field(row, "provider") or parsed.api_provider or "",
        split=own_split,
    )


def _reference(row: Row, answered: str) -> Completion:
    text = _text(row, *REFERENCES) or answered
    parsed = parse_completion(text) if text else None
    if parsed is not None and (parsed.code is not None or not row.get("code")):
        return parsed
    if not text_field(row, "code"):
        raise BadRow("no reference, completion or code")
    return Completion(
        domain=text_field(row, "domain") or (parsed.domain if parsed else None),
        api_call=text_field(row, "api_call") or (parsed.api_call if parsed else None),
        api_provider=text_field(row, "provider") or (parsed.api_provider if parsed else None),
        explanation=parsed.explanation if parsed else None,
        code=clean_code(without_half_surrogates(row["code"]).replace("\r\n", "\n"), []) or None,
    )


def _split(row: Row, split: Split) -> Split:
    name = text_field(row, "split")
    if not name:
        return split
    if name.lower() not in SPLITS:
        raise BadRow(f"split {name!r} is none of {', '.join(get_args(Split))}")
    return SPLITS[name.lower()]


def _text(row: Row, *names: str) -> str:
    """The first of the fields that says something; of a list of messages, what the last of them says."""
    for name in names:
        value = row.get(name)
        if isinstance(value, list) and value and all(isinstance(turn, dict) for turn in value):
            said = _said(value[-1])
        else:
            said = text_field(row, name)
        if said:
            return said
    return ""


def _turns(row: Row) -> tuple[str, str]:
    """(what the user asks last, what the assistant answers to it) of a record that is a conversation."""
    for name in TURNS:
        turns = row.get(name)
        if not isinstance(turns, list):
            continue
        roles = [_role(turn) for turn in turns]
        asked = max((number for number, role in enumerate(roles) if role == "user"), default=None)
        if asked is None:
            continue
        answers = [number for number, role in enumerate(roles) if role == "assistant" and number > asked]
        return _said(turns[asked]), _said(turns[answers[0]]) if answers else ""
    return "", ""


def _role(turn: Any) -> str:
    """user, assistant or another role; ShareGPT's `from` says human and gpt."""
    name = (turn.get("role") or turn.get("from")) if isinstance(turn, dict) else None
    return {"human": "user", "gpt": "assistant", "model": "assistant"}.get(str(name), str(name))


def _said(turn: Row) -> str:
    """A message's text, which may be given in parts."""
    content = turn.get("content", turn.get("value"))
    if isinstance(content, list):
        content = "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return without_half_surrogates(content.strip()) if isinstance(content, str) else ""
