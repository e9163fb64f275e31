"""One parser for all the shapes that APIBench and models give a completion, and one writer.

Shapes read (facts about each: APIBench of Patil et al., arXiv 2305.15334):

- `<<<domain>>>: ...` sections, each on its own line (HuggingFace) or on one line with
  commas between (TensorFlow Hub);
- a string that looks like a Python dict and is none (Torch Hub);
- any of these as the body of a JSON string, escaped up to three times over, with the
  string's closing quote left at the end (Gorilla's recorded answers);
- a JSON object with sections or code;
- no sections, and the code in a fence, a tag, under a heading, after prompts, or bare:
  `program/find.py` has the one rule for where it is.

A thought before any of them is no part of the answer. The written, canonical, shape is the
first one.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field

from rlaif.data.dict_shape import code_under_a_foreign_key, dict_sections
from rlaif.data.normalise import dedent, ends_with_unescaped_quote, has_stray_quote, looks_escaped, unescape
from rlaif.data.plain_shape import plain_sections
from rlaif.data.program.find import clean_code, code_of, find_program, holds_program
from rlaif.data.program.json_code import code_in_json, json_value
from rlaif.data.program.thought import answer_of
from rlaif.data.program.turns import (
    Span,
    before_next_turn,
    code_spans,
    is_within,
    may_have_next_turn,
    stands_in_line_of_code,
)
from rlaif.pattern import Pattern

SECTIONS = ("domain", "api_call", "api_provider", "explanation", "code")
MAX_ESCAPE_LEVELS = 3
INVISIBLE = "\ufeff\u200b\u2060"
"""A byte order mark and its like, which may stand before a text."""

# A marker of any name ends the section before it; `<<code>>>` is a slip that APIBench itself has.
_MARKER = Pattern(r"<{2,3}(domain|api_call|api_provider|explanation|code)>{2,3}[ \t]*:?|<<<\w{1,40}>>>")
_ESCAPED_BREAK = Pattern(r"\\n(?:<<<|###|```)")


@dataclass(frozen=True)
class Completion:
    """The sections of a completion; None where it has no such section, or an empty one."""

    domain: str | None = None
    api_call: str | None = None
    api_provider: str | None = None
    explanation: str | None = None
    code: str | None = None
    steps: tuple[str, ...] = field(default=(), compare=False)
    """The normalisations that reading took, in order; no part of the contents."""


def parse_completion(text: str) -> Completion:
    """Read any of the shapes. Never raises; of a section that comes twice, the first counts."""
    steps: list[str] = []
    plain = plain_sections(text, steps)
    if plain is not None:
        return Completion(**plain, steps=tuple(steps))
    text = _stripped(_with_plain_line_ends(text, steps))
    if text[:1] in INVISIBLE:
        text = text.lstrip(INVISIBLE)
    text = answer_of(text, steps)
    text = _without_json_quotes(text, steps)
    for _ in range(MAX_ESCAPE_LEVELS):
        if not _is_json_body(text):
            break
        text = _with_plain_line_ends(_without_json_packaging(text, steps), steps)
    sections = _read_sections(_first_answer(text, steps), steps)
    return Completion(**sections, steps=tuple(steps))


def ends_with_code(text: str, code: str | None) -> bool:
    """Whether nothing follows the code in its completion's text, so that where the text is cut off, the code is."""
    lines = (code or "").rstrip().splitlines()
    if not lines:
        return False
    end = text.rstrip()
    # A line of code that a packaging changed is known by its last word.
    return end.endswith(lines[-1].strip()) or ("\n" not in end and end.endswith(lines[-1].split()[-1]))


def render_completion(completion: Completion) -> str:
    """The canonical form; a section that is None is left out."""
    contents = ((name, getattr(completion, name)) for name in SECTIONS)
    return "\n".join(f"<<<{name}>>>: {content}" for name, content in contents if content is not None)


def _with_plain_line_ends(text: str, steps: list[str]) -> str:
    if "\r" not in text:
        return text
    steps.append("line_ends")
    text = text.replace("\r\n", "\n")
    # Alone it ends lines in a text that has no other line ends.
    return text if "\n" in text else text.replace("\r", "\n")


def _stripped(text: str) -> str:
    """Without white space around it, and without an indentation that all of its lines have."""
    if text[:1] in (" ", "\t", "\n"):
        text = textwrap.dedent(text)
    return text.strip()


def _first_answer(text: str, steps: list[str]) -> str:
    """The text without the turns that a base model writes after its answer."""
    before = before_next_turn(text) if may_have_next_turn(text) else None
    if before is None or "code" not in _read_sections(before, []):
        return text
    steps.append("next_turn")
    return before


def _is_json_body(text: str) -> bool:
    r"""Whether the text is the inside of a JSON string, so that its `\n` mean line breaks.

    One line of canonical text may hold `\n` too, in a string of its code; what tells them
    apart is that such code parses.
    """
    if "\n" in text:
        return False
    if has_stray_quote(text):
        return True
    if "\\n" not in text:
        return False
    if _ESCAPED_BREAK.search(text):
        return True
    code = _raw_sections(text, []).get("code")
    return code is not None and looks_escaped(dedent(code, []))


def _without_json_quotes(text: str, steps: list[str]) -> str:
    """The string of a text that is one JSON string with its quotes."""
    value = json_value(text) if len(text) > 2 and text[0] == text[-1] == '"' and '"""' not in text[:3] else None
    if not isinstance(value, str):
        return text
    steps.append("json_string")
    return value.strip()


def _without_json_packaging(text: str, steps: list[str]) -> str:
    if ends_with_unescaped_quote(text):
        steps.append("stray_quote")
        text = text[:-1]
    if "\\" in text:
        steps.append("unescape")
        text = unescape(text)
    return text.strip()


def _read_sections(text: str, steps: list[str]) -> dict[str, str]:
    sections = {name: content for name, content in _raw_sections(text, steps).items() if content.strip()}
    if "code" in sections:
        sections["code"] = clean_code(sections["code"], steps)
    elif "explanation" in sections:
        # An answer that forgot the marker shows its code in the explanation, or is one long explanation.
        explanation, code = find_program(sections["explanation"], steps)
        sections |= {"explanation": explanation, "code": code or ""}
    read = {name: content if name == "code" else content.strip() for name, content in sections.items()}
    return {name: content for name, content in read.items() if content}


def _raw_sections(text: str, steps: list[str]) -> dict[str, str]:
    markers = _markers(text)
    if markers and markers[0].start() > 0:
        spans = code_spans(text, _MARKER)
        markers = [marker for marker in markers if not _is_in_code(text, marker, spans)]
    if any(marker[1] for marker in markers):
        return _marked_sections(text, markers)
    packed = _json_sections(text, steps) or _dict_sections(text, steps)
    return packed or {"explanation": text}


def _dict_sections(text: str, steps: list[str]) -> dict[str, str]:
    sections = dict_sections(text)
    if "code" not in sections and (sections or text[:1] == "{"):
        code = code_under_a_foreign_key(text)
        if code is not None:
            steps.append("foreign_key")
            sections["code"] = code
    if not sections or _has_dict_within(text):
        return {}
    steps.append("dict")
    return sections


def _has_dict_within(text: str) -> bool:
    """Whether the keys that look like sections' stand in a program or in another dress, not in a dict around all."""
    if text[:1] == "{" or (text[:1] in ("'", '"') and text[1:2] != text[:1]):
        return False
    return "```" in text or "~~~" in text or text[:1] == "<" or holds_program(text)


def _markers(text: str) -> list[re.Match[str]]:
    """Every marker in order, as `finditer` gives them, at a substring search's speed."""
    markers = []
    position = text.find("<<")
    while position >= 0:
        marker = _MARKER.match(text, position)
        if marker is not None:
            markers.append(marker)
        position = text.find("<<", position + 1 if marker is None else marker.end())
    return markers


def _is_in_code(text: str, marker: re.Match[str], spans: Sequence[Span]) -> bool:
    if is_within(marker.start(), spans):
        return True
    line_start = text.rfind("\n", 0, marker.start()) + 1
    if text[line_start : marker.start()].lstrip()[:1] in ("", "#"):
        return False
    return stands_in_line_of_code(text, marker.start(), marker.end())


def _json_sections(text: str, steps: list[str]) -> dict[str, str]:
    """The sections of a JSON object, or of a list with code somewhere; empty of any other text."""
    if text[:1] not in ("{", "[") or text[-1:] not in ("}", "]"):
        return {}
    value = json_value(text)
    if not isinstance(value, dict | list):
        return {}
    named = value if isinstance(value, dict) else {}
    sections = {name: named[name] for name in SECTIONS if name != "code" and isinstance(named.get(name), str)}
    code = code_in_json(value, code_of)
    if code is not None:
        sections["code"] = code
    if sections:
        steps.append("json")
    return sections or {"explanation": text}


def _marked_sections(text: str, markers: list[re.Match[str]]) -> dict[str, str]:
    sections: dict[str, str] = {}
    ends = [marker.start() for marker in markers[1:]] + [len(text)]
    for marker, end in zip(markers, ends, strict=True):
        content = text[marker.end() : end]
        if marker[1] and marker[1] != "code" and end < len(text) and content.rstrip(" \t").endswith(","):
            content = content.rstrip(" \t")[:-1]  # the comma that parts sections on one line
        if marker[1] and content.strip():
            sections.setdefault(marker[1], content.removeprefix(" "))
    lead = text[: markers[0].start()]
    if lead.strip():
        # Some answers start in the middle of the explanation.
        sections.setdefault("explanation", lead)
    return sections
