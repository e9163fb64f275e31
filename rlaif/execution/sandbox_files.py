"""The sample files that go into a sandbox with a snippet."""

from __future__ import annotations

from rlaif.execution.hubs.sample_files import contents, files_for

MAX_BYTES = 8 << 20
"""Of all of a snippet's files; those that come after are left out."""


def sandbox_files(code: str) -> dict[str, bytes]:
    """By path relative to the working directory; found by parsing, nothing is run. The same for the same code."""
    found: dict[str, bytes] = {}
    total = 0
    for file in files_for(code):  # their number is bounded
        content = contents(file.kind)
        total += len(content)
        if total > MAX_BYTES:
            break
        found[file.path] = content
    return found
