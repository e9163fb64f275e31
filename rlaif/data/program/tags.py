"""Code between markers other than fences: `<code>`, `[PYTHON]`, `<|begin_of_code|>`, BEGIN SOLUTION, LaTeX listings."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from rlaif.data.normalise import dedent, parses
from rlaif.pattern import Pattern

MAX_ENDINGS = 4

_CODE_NAMES = (
    "code|pre|python|py|script|program|snippet|execute|execute_ipython|run_code|code_block|python_code|source|file"
    "|syntaxhighlight|antArtifact|codeblock"
)
_ANSWER_NAMES = "answer|solution|response|final|final_answer|output|result|tool_call|function_call|completion"
_PIPE_NAMES = (
    "begin_of_code|begin_of_solution|begin_code|code_begin|code_start|start_code|start_of_code|python_tag|python"
)
_RULE = r"(?:[-=*]{3,})?[ \t]*"
_BEGIN = r"(?:BEGIN (?:SOLUTION|CODE|ANSWER|PROGRAM)|(?:SOLUTION|CODE) START)\b"
_OPENING = Pattern(
    rf"<(?P<code>{_CODE_NAMES})(?:[ \t][^<>\n]{{0,200}})?>:?|<(?P<answer>{_ANSWER_NAMES})>"
    rf"|\[(?P<square>PYTHON|CODE|SOLUTION|ANSWER|BEGIN)(?:=python)?\]:?|<\|?(?P<pipe>{_PIPE_NAMES})\|?>"
    rf"|(?P<words>^[ \t]*(?:\#[ \t]*)?{_RULE}{_BEGIN}[ \t]*{_RULE}:?$)"
    r"|\\begin\{(?P<latex>lstlisting|verbatim|minted|code|python)\}(?:\[[^\]\n]*\])?(?:\{[^}\n]*\})?"
    r"|\{%-?[ \t]*(?P<liquid>highlight|code)[ \t]+python\w*[^%\n]*%\}"
    r"|(?P<quotes>^(?:\"\"\"|''')(?=(?:python3?|py)[ \t]*$))(?:python3?|py)",
    re.MULTILINE | re.IGNORECASE,
)
_WORDS_END = Pattern(
    r"^[ \t]*(?:#[ \t]*)?(?:[-=*]{3,}[ \t]*)?(?:END (?:SOLUTION|CODE|ANSWER|PROGRAM)|(?:SOLUTION|CODE) END)\b",
    re.MULTILINE | re.IGNORECASE,
)
_PIPE_END = Pattern(
    r"<\|?(?:end_of_code|end_of_solution|end_code|code_end|end_of_message|eom_id|eot_id|/python)\|?>", re.IGNORECASE
)
_LIQUID_END = Pattern(r"\{%-?[ \t]*end(?:highlight|code)")
_CDATA = Pattern(r"\s*<!\[CDATA\[(.*)\]\]>\s*", re.DOTALL)
_ENTITY = Pattern(r"&(?:lt|gt|quot|amp|apos|nbsp|#\d{1,6}|#x[0-9a-fA-F]{1,6});")


@dataclass(frozen=True)
class Tagged:
    """What stands between two markers; `start` is where the first one stands."""

    body: str
    start: int
    end: int
    is_code: bool
    """Whether the marker says that this is code, not only that it is the answer."""


def tagged_parts(text: str, limit: int) -> Iterator[Tagged]:
    """The text between the first ``limit`` pairs of markers; one that nothing closes runs to the end of the text."""
    position = 0
    for _ in range(limit):
        opening = _OPENING.search(text, position)
        if opening is None:
            return
        body_end, end = _end(text, opening)
        yield Tagged(text[opening.end() : body_end], opening.start(), end, opening.lastgroup != "answer")
        position = opening.end()


def opens_with_words(text: str) -> bool:
    """Whether the first line is a marker such as "# BEGIN SOLUTION", which Python takes for a comment."""
    opening = _OPENING.match(text)
    return opening is not None and opening.lastgroup == "words"


def without_entities(text: str) -> str:
    """XML's and HTML's ways to hold any text undone: `<![CDATA[...]]>`, and entities as in `if a &lt; b`."""
    data = _CDATA.fullmatch(text)
    if data is not None:
        return data[1]
    return html.unescape(text) if _ENTITY.search(text) else text


def _end(text: str, opening: re.Match[str]) -> tuple[int, int]:
    """(the end of what is between the markers, the end of the second marker)."""
    kind, name = opening.lastgroup, opening[opening.lastgroup or 0]
    if kind == "words":
        ending: re.Pattern[str] | Pattern = _WORDS_END
    elif kind == "pipe":
        ending = _PIPE_END
    elif kind == "liquid":
        ending = _LIQUID_END
    else:
        square = "[DONE]" if name.upper() == "BEGIN" else f"[/{name}]"
        written = {"square": square, "latex": f"\\end{{{name}}}", "quotes": f"\n{name}"}.get(kind or "", f"</{name}>")
        ending = re.compile(re.escape(written), re.IGNORECASE)
    first: tuple[int, int] | None = None
    for found in islice(ending.finditer(text, opening.end()), MAX_ENDINGS):
        place = found.start(), found.end()
        if first is None:
            first = place
        if kind != "code" or parses(dedent(text[opening.end() : found.start()], [])):
            return place  # where it does not parse, the mark may be in a string of it
    return first or (len(text), len(text))
