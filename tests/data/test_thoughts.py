"""Programs behind the thoughts of reasoning models: a draft within a thought is no program."""

from __future__ import annotations

import pytest

from rlaif.data.completion import parse_completion
from tests.thoughts import TEMPLATES, UNFINISHED

DRAFTS = (
    "Let me try.\n```python\nprint('no')\n```\nNo, wait.\n",
    "I could write\n\nimport os\nprint('no')\n\nbut no.\n",
)
PROGRAM = "import os\nprint('yes')"
ANSWERS = {
    "a fence": f"```python\n{PROGRAM}\n```",
    "sections": f"<<<domain>>>: Files\n<<<code>>>: {PROGRAM}",
    "bare": PROGRAM,
    "prose around a fence": f"It is this:\n\n```python\n{PROGRAM}\n```\nThat prints yes.",
}
KEPT = ("a second one", "after a draft")
"""Unfinished thoughts with something before them that is no thought: there a program stands."""


@pytest.mark.parametrize("draft", DRAFTS, ids=("fenced draft", "bare draft"))
@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("template", TEMPLATES)
def test_a_draft_is_no_program(template: str, answer: str, draft: str) -> None:
    text = TEMPLATES[template].replace("ANSWER", ANSWERS[answer]).replace("DRAFT", draft)
    assert parse_completion(text).code == PROGRAM


@pytest.mark.parametrize("draft", DRAFTS, ids=("fenced draft", "bare draft"))
@pytest.mark.parametrize("template", [name for name in UNFINISHED if name not in KEPT])
def test_a_thought_that_never_ends_holds_no_program(template: str, draft: str) -> None:
    assert parse_completion(UNFINISHED[template].replace("DRAFT", draft)).code is None


@pytest.mark.parametrize(
    "code",
    [
        "marks = ['<think>', '</think>', '[THINK]', '<|channel|>final<|message|>']\nprint(marks)",
        "text = '<plan>one</plan>two'\nprint(text.split('</plan>')[-1])",
        "# </reasoning> ends it\nanalysis = 3\nprint(analysis)",
        "import re\nprint(re.sub(r'<details type=\"reasoning\">.*?</details>', '', 'x'))",
        'page = """\n<thought>\nno\n</thought>\n"""\nprint(page)',
    ],
)
@pytest.mark.parametrize("dress", ["{}", "```python\n{}\n```", "<<<code>>>: {}", "So:\n\n```python\n{}\n```\nDone."])
def test_marks_in_strings_and_comments_begin_no_thought(code: str, dress: str) -> None:
    assert parse_completion(dress.replace("{}", code)).code == code
