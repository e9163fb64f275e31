"""One parser for all the shapes that APIBench and models give a completion, and one writer.

Shapes read (facts about each: APIBench of Patil et al., arXiv 2305.15334):

- `<<<domain>>>: ...` sections, each on its own line (HuggingFace) or on one line with
  commas between (TensorFlow Hub);
- a string that looks like a Python dict and is none (Torch Hub);
- any of these as the body of a JSON string, escaped up to three times over, with the
  string's closing quote left at the end (Gorilla's recorded answers);
- no sections, and the code in a markdown fence, under a "### Code:" heading, or bare.

The written, canonical, shape is the first one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from rlaif.data.dict_shape import dict_sections
from rlaif.data.normalise import (
    clean_code,
    dedent,
    ends_with_unescaped_quote,
    has_stray_quote,
    looks_escaped,
    parses,
    unescape,
)

SECTIONS = ("domain", "api_call", "api_provider", "explanation", "code")
MAX_ESCAPE_LEVELS = 3

# A marker of any name ends the section before it; `<<code>>>` is a slip that APIBench itself has.
_MARKER = re.compile(r"<{2,3}(domain|api_call|api_provider|explanation|code)>{2,3}[ \t]*:?|<<<\w{1,40}>>>")
_ESCAPED_BREAK = re.compile(r"\\n(?:<<<|###|```)")
_CODE_HEADING = re.compile(r"(?im)^[ \t]*(?:#{1,6}[ \t]*|\*\*)?code(?:\*\*)?[ \t]*:[ \t]*(?:\*\*)?")
_BARE_CODE = re.compile(r"(?:import|from)[ \t]+[\w.]+|#!")


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
    text = text.strip()
    for _ in range(MAX_ESCAPE_LEVELS):
        if not _is_json_body(text):
            break
        text = _without_json_packaging(text, steps)
    sections = _read_sections(text, steps)
    return Completion(**sections, steps=tuple(steps))


def ends_with_code(text: str, code: str | None) -> bool:
    """Whether nothing follows the code in its completion's text, so that where the text is cut off, the code is."""
    lines = (code or "").split()
    return bool(lines) and text.rstrip().endswith(lines[-1])


def render_completion(completion: Completion) -> str:
    """The canonical form; a section that is None is left out."""
    contents = ((name, getattr(completion, name)) for name in SECTIONS)
    return "\n".join(f"<<<{name}>>>: {content}" for name, content in contents if content is not None)


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
    if "code" not in sections and "explanation" in sections:
        # An answer that forgot the marker shows its code in the explanation, or is one long explanation.
        explanation, code = _split_prose(sections["explanation"], steps)
        sections |= {"explanation": explanation, "code": code}
    if "code" in sections:
        sections["code"] = clean_code(sections["code"], steps)
    read = {name: content if name == "code" else content.strip() for name, content in sections.items()}
    return {name: content for name, content in read.items() if content}


def _raw_sections(text: str, steps: list[str]) -> dict[str, str]:
    markers = list(_MARKER.finditer(text))
    if any(marker[1] for marker in markers):
        return _marked_sections(text, markers)
    sections = dict_sections(text)
    if sections:
        steps.append("dict")
        return sections
    return {"explanation": text}


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


def _split_prose(prose: str, steps: list[str]) -> tuple[str, str]:
    """(explanation, code) of text that has no code marker; either may be empty."""
    heading = _CODE_HEADING.search(prose)
    if heading:
        steps.append("heading")
        return prose[: heading.start()], prose[heading.end() :]
    fence = prose.find("```")
    if fence >= 0:
        return prose[:fence], prose[fence:]
    if _BARE_CODE.match(prose.lstrip()) and parses(prose.strip()):
        steps.append("bare")
        return "", prose
    return prose, ""
