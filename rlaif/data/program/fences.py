"""The fenced blocks of a Markdown text, as models write them.

Read as CommonMark has them (backticks or tildes, of any length, indented, in a list or a quotation), and also

- opened at the end of a line of prose, or with the first line of code behind the info string, or as "```python```";
- closed at the end of a line of code, or by the next opening, or not at all where the text was cut off;
- with fences inside: what stands within a string or a comment of the block closes nothing.

The time is linear in the text's length.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rlaif.data.program.language import language_of
from rlaif.pattern import Pattern

MAX_BLOCKS = 200
"""Blocks after these are not looked at."""

_RUN = Pattern("```|~~~")
_LIST_MARK = Pattern(r"(?:(?:[-*+]|\d{1,3}[.)])[ \t]*)?")
_INLINE_INFO = Pattern(r"[ \t]*[\w+#.-]*[ \t]*")
_CODE_IN_INFO = Pattern(
    r"[ \t]*(?:(?:python3?|py)[ \t]+)?(?=(?:import[ \t]+\w|from[ \t]+[\w.]+[ \t]+import"
    r"|def[ \t]+\w+\(|class[ \t]+\w+[(:]|print\(|@\w"
    r"|[A-Za-z_]\w*[ \t]+=[ \t]|>>>))"
)
_CLOSED_INFO = Pattern(r"[ \t]*([\w+#.-]+)[ \t]*`{3,}[ \t]*")
_TOKEN = Pattern(
    r"\\.|\"\"\"|'''|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|#[^\n]*|`{3,}|~{3,}",
    re.DOTALL,
)
_STRING_ENDS = {quote: re.compile(rf"\\.|{quote}", re.DOTALL) for quote in ('"""', "'''")}
_PARTIAL_CLOSING = Pattern(r"\n[ \t]*(?:`{1,2}|~{1,2})[ \t]*(?:\n|$)")


@dataclass(frozen=True)
class Block:
    """A fenced block; `start` and `end` enclose it with its fences."""

    info: str
    body: str
    start: int
    end: int
    is_closed: bool = True
    """False where the text ends within the block."""


@dataclass(frozen=True)
class _Closing:
    body_end: int
    end: int
    is_closed: bool = True


def fenced_blocks(text: str) -> list[Block]:
    """The blocks in order, up to `MAX_BLOCKS`; a text without a fence has none."""
    blocks: list[Block] = []
    position = 0
    while len(blocks) < MAX_BLOCKS and (run := _RUN.search(text, position)) is not None:
        start = run.start()
        line_end = text.find("\n", start)
        line_end = len(text) if line_end < 0 else line_end
        block = _block(text, start, line_end)
        if block is not None:
            blocks.append(block)
        position = line_end if block is None else block.end
    return blocks


def _block(text: str, start: int, line_end: int) -> Block | None:
    """The block that the run of backticks or tildes at `start` opens; None where it opens none."""
    prefix = text[text.rfind("\n", 0, start) + 1 : start]
    behind = start
    while behind < line_end and text[behind] == text[start]:
        behind += 1
    run, info = text[start:behind], text[behind:line_end]
    is_first = _LIST_MARK.fullmatch(prefix.strip(" \t>")) is not None
    if run[0] == "`" and "`" in info:
        closed = _CLOSED_INFO.fullmatch(info)
        if closed is None or not is_first or not language_of(closed[1]):
            return None  # a code span within a line
        info = closed[1]
    if not is_first and (run[0] == "~" or not _INLINE_INFO.fullmatch(info)):
        return None
    body_start = min(line_end + 1, len(text))
    code = _CODE_IN_INFO.match(info)
    if code is not None:
        body_start, info = behind + code.end(), info[: code.end()]
    closing = _closing(text, body_start, run)
    body = text[body_start : closing.body_end]
    if not closing.is_closed:
        body = _PARTIAL_CLOSING.split(body, maxsplit=1)[0]
    if ">" in prefix and is_first:
        body = re.sub(r"(?m)^[ \t]*>[ \t]?", "", body)
    return Block(info.strip(), body, start, closing.end, closing.is_closed)


def _closing(text: str, start: int, run: str) -> _Closing:
    """Where the block ends that a run of backticks or tildes opened; the text's end where nothing closes it."""
    first = text.find(run, start)
    if first < 0:
        return _Closing(len(text), len(text), False)
    if text.find('"""', start, first) < 0 and text.find("'''", start, first) < 0:
        before = text[max(start, text.rfind("\n", start, first) + 1) : first]
        if not before.strip(" \t>"):
            return _closing_at(text, start, first)
    position = start
    while (token := _TOKEN.search(text, position)) is not None:
        position = token.end()
        found = token[0]
        if found in _STRING_ENDS:
            end = _string_end(text, position, found)
            if end < 0:
                return _closing_at(text, start, first)  # no string: nothing tells what the quotes mean
            position = end
        elif found.startswith(run):
            return _closing_at(text, start, token.start())
        elif found[0] == "#" and found.rstrip().endswith(run) and found.strip("#`~ \t"):
            return _closing_at(text, start, token.start() + found.index(run))
    return _Closing(len(text), len(text), False) if position > first else _closing_at(text, start, first)


def _closing_at(text: str, start: int, position: int) -> _Closing:
    line_start = text.rfind("\n", start, position) + 1 or start
    line_end = text.find("\n", position)
    line_end = len(text) if line_end < 0 else line_end
    behind = position
    while behind < line_end and text[behind] == text[position]:
        behind += 1
    rest = text[behind:line_end]
    if text[line_start:position].strip(" \t>"):
        return _Closing(position, behind if rest.strip() else line_end)
    if rest.strip() and (rest[0].isalpha() or rest[0] == "{" or language_of(rest) == "python"):
        return _Closing(line_start, line_start)  # the next block opens: this one was not closed
    return _Closing(line_start, line_end)


def _string_end(text: str, start: int, quote: str) -> int:
    return next((found.end() for found in _STRING_ENDS[quote].finditer(text, start) if found[0] == quote), -1)
