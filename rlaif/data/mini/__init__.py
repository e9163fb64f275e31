"""The embedded data set: instructions paired with short programs over Python's standard library.

It needs no download, and every reference runs, so it serves to try the whole system and to
test it. A task's values come from seeded pools and the program depends on them: a value that
is copied wrongly from the instruction, or used inconsistently, raises an error when it runs.

To add an API, append a `Task` to `TASKS` in the family module that it belongs to: a `draw` that
makes the values, and templates in `str.format` syntax ({name} as it is, {name!r} as a literal);
in a wording, `[a|b]` stands for either:

    Task(
        api="html.escape(s)",
        domain="Markup",
        explanation="Escapes the characters that HTML reserves.",
        draw=lambda random: {"text": f"{random.choice(THINGS)} & {random.choice(NAMES)}"},
        call="html.escape({text!r})",
        code=("import html", "print(html.escape({text!r}))"),
        wordings=("[Escape|Encode] {text} for [HTML|a page].", "Make {text} [safe|harmless] in HTML.", ...),
    )

A fifth of a task's phrasings is held out for evaluation. The tests then check that it runs, that
it is in the database, and that nothing leaks.
"""

from rlaif.data.mini.generate import all_tasks, generate
from rlaif.data.mini.task import Task

__all__ = ["Task", "all_tasks", "generate"]
