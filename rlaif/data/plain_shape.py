"""The two shapes that most completions have, told by few looks: a short way to what the whole parser gives.

They are the canonical sections, each on lines of its own, and prose around one fence of Python. A text in which
anything could mean something else, however unlikely, is none of them.
"""

from __future__ import annotations

import re

from rlaif.data.normalise import dedent, unescaped_code
from rlaif.data.program.marks import may_have_marks
from rlaif.data.program.simple_fence import simple_fence
from rlaif.data.program.thought import may_think
from rlaif.data.program.turns import may_have_next_turn
from rlaif.pattern import Pattern

_SECTION = r"(?:<<<{0}>>>: (?P<{0}>[^<]*)\n)?"
_CANONICAL = Pattern(
    "".join(_SECTION.format(name) for name in ("domain", "api_call", "api_provider", "explanation"))
    + r"<<<code>>>: (?P<code>.+)\Z",
    re.DOTALL,
)
_DOUBTFUL_IN_CODE = ("<<", ">>>", "In [")


def plain_sections(text: str, steps: list[str]) -> dict[str, str | None] | None:
    """The sections of a text of a plain shape; None for any other. Appends to ``steps`` as the parser would."""
    if "\r" in text or "\n" not in text or may_think(text) or may_have_next_turn(text):
        return None
    if text.startswith("<<<"):
        return _canonical(text, steps)
    if "<" in text or not (text[:1].isalpha() or text.startswith("```python\n")):
        return None
    return _fenced(text, steps)


def _canonical(text: str, steps: list[str]) -> dict[str, str | None] | None:
    found = _CANONICAL.match(text)
    if found is None or text[-1] in ">'\"}" or text[-1].isspace():
        return None
    sections = found.groupdict()
    code = sections["code"]
    if code[:2].lower() == "py" or may_have_marks(code) or not code.strip():
        return None
    for sign in _DOUBTFUL_IN_CODE:
        if sign in code:
            return None
    for name in ("domain", "api_call", "api_provider", "explanation"):
        content = sections[name]
        if content is not None:
            if may_have_marks(content):
                return None
            sections[name] = content.strip() or None
    sections["code"] = unescaped_code(dedent(code, steps), steps)
    return sections


def _fenced(text: str, steps: list[str]) -> dict[str, str | None] | None:
    if text.count("```") != 2 or text[-1].isspace() or "{'" in text or '{"' in text:
        return None
    fence = simple_fence(text)
    if fence is None:
        return None
    steps.append("fence")
    prose, body = fence
    return {"explanation": prose.strip() or None, "code": unescaped_code(dedent(body, steps), steps)}
