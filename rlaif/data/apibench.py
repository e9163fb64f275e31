"""APIBench's records, of all three hubs, as examples.

Files: ShishirPatil/gorilla, data/apibench/*_train.json and *_eval.json (one JSON object a
line, despite the name). A record's `code` is one text with the instruction and the answer.
"""

from __future__ import annotations

import re
from pathlib import Path

from rlaif.data.completion import parse_completion, render_completion
from rlaif.data.dict_shape import dict_values
from rlaif.data.lines import BadRow, Problem, Row, read_rows, text_field
from rlaif.records import Example, Split

_INSTRUCTION = re.compile(r"\s*#{2,4}[ \t]?Instruction[ \t]?:")
_OUTPUT = re.compile(r"#{2,4}[ \t]?Output[ \t]?:")


def read_apibench(path: Path, hub: str, split: Split) -> tuple[list[Example], list[Problem]]:
    """The examples of one file, with ids such as torchhub-eval-0007 (the row's index, from 0).

    A training record whose answer has no code is left out, as there is nothing to learn from
    it; an eval record like that is kept, as its instruction and API call still say what is
    wanted. Both are listed as problems. Raises UserError where no record can be used.
    """

    def make(index: int, row: Row) -> Example:
        return _make_example(f"{hub}-{split}-{index:04d}", row, split)

    examples, problems = read_rows(path, make)
    for example in examples:
        if "<<<code>>>" not in example.reference:
            line = int(example.id.rsplit("-", 1)[1]) + 1
            problems.append(Problem(path.name, line, "the answer has no code: for evaluation only", dropped=False))
    return examples, sorted(problems, key=lambda problem: problem.line)


def split_record(text: str) -> tuple[str, str]:
    """(instruction, answer) of a record's text; either is "" where it is not there.

    An "###Input:" belongs to the instruction, as in Gorilla's own questions.
    """
    heading = _INSTRUCTION.match(text)
    if heading:
        output = _OUTPUT.search(text, heading.end())
        if output is None:
            return text[heading.end() :].strip(), ""
        return text[heading.end() : output.start()].strip(), text[output.end() :].strip()
    # Torch Hub's training file has the instruction within the dict-looking text.
    values = dict_values(text)
    instruction, given = values.get("Instruction", "").strip(), values.get("Input", "").strip()
    answer = text if values.keys() & {"domain", "api_call", "code"} else values.get("Output", "")
    return f"{instruction}\n###Input: {given}" if given else instruction, answer.strip()


def _make_example(example_id: str, row: Row, split: Split) -> Example:
    instruction, answer = split_record(text_field(row, "code"))
    if not instruction:
        raise BadRow("no instruction" if row.get("code") else "no code field")
    if not answer:
        raise BadRow("no answer")
    parsed = parse_completion(answer)
    if split == "train" and parsed.code is None:
        raise BadRow("the answer has no code")
    api_data = row.get("api_data")
    api_data = api_data if isinstance(api_data, dict) else {}
    api_call = text_field(row, "api_call") or text_field(api_data, "api_call") or parsed.api_call
    if not api_call:
        raise BadRow("no api_call")
    return Example(
        id=example_id,
        instruction=instruction,
        reference=render_completion(parsed),
        api_call=api_call,
        domain=text_field(api_data, "domain") or parsed.domain or "",
        provider=text_field(row, "provider") or text_field(api_data, "framework") or parsed.api_provider or "",
        split=split,
    )
