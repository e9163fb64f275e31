"""Where the program is in a text: the one rule by which the code of every completion is read.

Of a text without a section or a key for its code, the first of these that gives code counts. `steps` names it.

1. The whole text is plainly code ("bare").
2. A heading "Code:" ("heading"): what follows it.
3. Markers: fences ("fence"), or `<code>` and its like ("tag"), whichever stands first. Blocks whose info string names
   another language are no code; one without an info string is where it parses and does something, so that a block of
   output is none. Of several blocks `choose.py` says which count: those that use each other's names are joined
   ("joined"), programs that stand alone are alternatives, and the first counts ("first_of_several"). Code that
   ends with a fence which it never opened is code, and so is a block that nothing closes.
4. A session with prompts ("session"): the statements, not what was printed.
5. A JSON object with a key for code ("json").
6. Code set apart from the prose around it ("bare").

What stands in a string or a comment of code that parses marks nothing (`marks.py`), and what follows an answer as the
next turn is no part of it ("next_turn", `turns.py`). A block's lines of a notebook, as `!pip install x`, are left out
where only they keep it from parsing ("magic").

Code that a marker shows is code also where it does not parse; bare text is so only where it does, or where its first
line can be nothing else.
"""

from __future__ import annotations

import re
from itertools import takewhile

from rlaif.data.normalise import dedent, parses, unescape, unescaped_code
from rlaif.data.program.bare import program_within, whole_program
from rlaif.data.program.blocks import blocks_of, code_in, is_python, may_be_code
from rlaif.data.program.choose import chosen_blocks
from rlaif.data.program.fences import Block, fenced_blocks
from rlaif.data.program.json_code import code_in_json, json_value
from rlaif.data.program.language import has_code_line, is_program, is_shell, language_of
from rlaif.data.program.marks import (
    first_fence,
    has_code_block,
    is_quoted,
    may_have_marks,
    may_have_tags,
    plain_fence,
    program_around_marks,
    without_lone_closing,
)
from rlaif.data.program.session import is_session, session_code, session_within
from rlaif.data.program.simple_fence import CODE_HEADING, simple_fence
from rlaif.data.program.tags import Tagged, opens_with_words, tagged_parts, without_entities
from rlaif.pattern import Pattern

MAX_NESTING = 2
"""Markers within markers are followed so deep."""
MAX_LEADING = 8
"""So many blocks of other languages that a text starts with are passed one by one, more of them at once."""
MAX_TAGS = 6
"""So many tags of a text are looked into, and one of a text within a tag."""

_LAST_HEADING = Pattern(rf"(?:{CODE_HEADING.pattern.removeprefix('(?im)')})\Z", re.IGNORECASE | re.MULTILINE)
_YAML_MARK = Pattern(r"\A[ \t]*[|>][-+]?[ \t]*(?=\n)")
_LANGUAGE_LINE = Pattern(r"\s*(?:python3?|py)[ \t]*\n(?=\s*\S)", re.IGNORECASE)
_ESCAPED_FENCE = Pattern(r"\\n[ \t]*(?:```|~~~)|(?:```|~~~)[\w+-]*\\n")
_SPAN = Pattern(r"(`{1,3})(?:(?:python|py)[ \t]+)?([^`\n]+)\1")


def find_program(text: str, steps: list[str]) -> tuple[str, str | None]:
    """(the prose before the code, the code); None where the text holds no code."""
    simple = simple_fence(text)
    if simple is not None:
        steps.append("fence")
        return simple[0], unescaped_code(dedent(simple[1], steps), steps)
    prose, code = _find(text, steps, MAX_NESTING)
    if code is not None and prose.rstrip().endswith(":"):
        prose = _LAST_HEADING.sub("", prose.rstrip())
    return prose, None if code is None else unescaped_code(dedent(code, steps), steps)


def holds_program(text: str) -> bool:
    """Whether the text is code that nothing marks, with or without prose around it."""
    return whole_program(text) is not None or program_within(text) is not None


def code_of(text: str) -> str | None:
    """The code of a text within another, as a value of a JSON object; None where it holds none."""
    code = _find(text, [], 1)[1]
    return None if code is None else clean_code(code, [])


def clean_code(raw: str, steps: list[str]) -> str:
    """The code within a section that is meant for code; appends to ``steps`` what was undone."""
    code = raw = _without_language_line(raw, steps)
    if may_have_marks(raw):
        code = _without_marks(raw, steps)
    elif ">>>" in raw and is_session(raw):
        steps.append("session")
        code = session_code(raw)
    return unescaped_code(dedent(code, steps), steps)


def _without_language_line(text: str, steps: list[str]) -> str:
    """Without a first line "python", which is left of a fence that a stop token or a script cut away."""
    name = _LANGUAGE_LINE.match(text) if text.lstrip()[:2].lower() == "py" else None
    if name is None:
        return text
    steps.append("language_line")
    return text[name.end() :]


def _without_marks(raw: str, steps: list[str]) -> str:
    opens = raw.lstrip().startswith(("```", "~~~"))
    if not opens and parses(raw):
        return raw  # the marks are within strings
    around = program_around_marks(raw)
    if around is not None:
        return around[1]
    if is_quoted(raw, first_fence(raw)) and not may_have_tags(raw):
        return raw
    found: list[str] = []
    _, code = _marked(raw, found, MAX_NESTING)
    if code is not None:
        steps += found
        return code
    if opens or "```" in raw:
        steps.append("fence")
        return plain_fence(raw)
    return raw


def _find(text: str, steps: list[str], depth: int) -> tuple[str, str | None]:
    text = _without_language_line(text, steps)
    text = without_lone_closing(text) if text.endswith(">") else text
    heading = CODE_HEADING.search(text, 0, first_fence(text))
    is_certain = heading is not None and not heading[0].lstrip()[:1].isalpha()
    is_certain = is_certain or (text[:1] == "#" and opens_with_words(text))
    whole = None if is_certain else whole_program(text)
    if whole is not None:
        steps.append("bare")
        return "", whole
    if heading is not None:
        steps.append("heading")
        section = _YAML_MARK.sub("", text[heading.end() :])
        return text[: heading.start()], _code_under(section, steps) if section.strip() else None
    around = program_around_marks(text)
    if around is not None:
        steps.append("bare")
        return around
    if may_have_marks(text):
        prose, code = _marked(text, steps, depth)
        if code is not None:
            return prose, code
    return _unmarked(text, steps)


def _code_under(section: str, steps: list[str]) -> str:
    """The code of a section under a heading, without the prose after it."""
    code = clean_code(section, steps)
    within = program_within(code) if whole_program(code) is None else None
    return code if within is None else within[1]


def _unmarked(text: str, steps: list[str]) -> tuple[str, str | None]:
    if is_session(text):
        steps.append("session")
        return "", session_code(text)
    code = code_in_json(json_value(text.strip()), code_of)
    if code is not None:
        steps.append("json")
        return "", code
    session = session_within(text) if ">>> " in text else None
    if session is not None and is_program(session[1]):
        steps.append("session")
        return session
    within = program_within(text[: first_fence(text)])
    if within is not None:
        steps.append("bare")
        return within
    span = _SPAN.fullmatch(text.strip())
    if span is not None and is_program(span[2], lone_call=False):
        steps.append("fence")
        return "", span[2]
    return text, None


def _marked(text: str, steps: list[str], depth: int) -> tuple[str, str | None]:
    """The code between the first markers that hold some."""
    if depth == 0:
        return text, None
    fence = first_fence(text)
    parts = list(tagged_parts(text, MAX_TAGS if depth == MAX_NESTING else 1)) if may_have_tags(text) else []
    if "\\n" in text and _ESCAPED_FENCE.search(text) and not has_code_block(text, parts):
        unescaped: list[str] = ["unescape"]
        found = _marked(unescape(text), unescaped, depth)
        if found[1] is not None:
            steps += unescaped
            return found
    if fence < len(text) and not (parts and parts[0].start < fence):
        found = _behind_other_languages(text, steps, depth)
        if found[1] is not None:
            return found
    after = []
    for part in parts:
        if part.start > fence:
            after.append(part)
            continue
        code = _tagged(part, steps, depth)
        if code is not None:
            return text[: part.start], code
    if fence < len(text):
        found = _fenced(text, steps, depth)
        if found[1] is not None:
            return found
    for part in after:
        code = _tagged(part, steps, depth)
        if code is not None:
            return text[: part.start], code
    return text, None


def _behind_other_languages(text: str, steps: list[str], depth: int) -> tuple[str, str | None]:
    """What the text holds behind a block of another language that it starts with, as how to install something."""
    fence = first_fence(text)
    if language_of(text[fence + 3 : text.find("\n", fence)]) == "python":
        return text, None
    blocks = fenced_blocks(text)
    leading = list(takewhile(lambda block: language_of(block.info) == "other" or is_shell(block.body), blocks))
    if not leading:
        return text, None
    position = leading[-1 if len(leading) > MAX_LEADING else 0].end
    inner: list[str] = []
    prose, code = _find(text[position:], inner, depth)
    if code is None:
        return text, None
    steps += inner
    return text[:position] + prose, code


def _tagged(part: Tagged, steps: list[str], depth: int) -> str | None:
    body = without_entities(part.body)
    inner: list[str] = []
    code = _find(body, inner, depth - 1)[1]
    if code is None and part.is_code and "\n" in body and has_code_line(body):
        code = body
    if code is None:
        return None
    steps += ["tag", *(step for step in inner if step != "bare")]
    return code


def _fenced(text: str, steps: list[str], depth: int) -> tuple[str, str | None]:
    blocks = blocks_of(text)
    python = [block for block in blocks if is_python(text, block)]
    if not python:
        return _no_python(text, blocks, steps, depth)
    steps.append("fence")
    codes = [code_in(block, steps) for block in python]
    chosen = chosen_blocks(codes, is_cut_off=not python[-1].is_closed)
    if len(chosen) > 1:
        steps.append("joined")
    if len(chosen) < len(codes):
        steps.append("first_of_several")
    first = min(python[number].start for number in chosen)
    return text[:first], "\n".join(codes[number] for number in chosen)


def _no_python(text: str, blocks: list[Block], steps: list[str], depth: int) -> tuple[str, str | None]:
    """Of a text whose blocks are no Python by name or look: a block that must be damaged code, or hides some."""
    for block in blocks:
        if may_be_code(text, block):
            steps.append("fence")
            return text[: block.start], block.body
    for block in blocks:
        inner: list[str] = []
        code = code_in_json(json_value(block.body.strip()), code_of)
        if code is None and block.info.lower() in ("markdown", "md", "text", "txt", "plaintext", "html", "xml"):
            code = _marked(block.body, inner, depth - 1)[1]
        if code is not None:
            steps += ["fence", *(inner or ["json"])]
            return text[: block.start], code
    span = next((one for one in _SPAN.finditer(text) if len(one[1]) == 3 and is_program(one[2], lone_call=False)), None)
    if span is not None:
        steps.append("fence")
        return text[: span.start()], span[2]
    return text, None
