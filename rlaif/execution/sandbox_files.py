"""The sample files that go into a sandbox with a snippet, and the pages that it can fetch there."""

from __future__ import annotations

import json
from pathlib import Path

from rlaif.execution.hubs.sample_files import addresses_for, contents, files_for, media_type

MAX_BYTES = 8 << 20
"""Of all of a snippet's files, and of all of its pages; those that come after are left out."""


def sandbox_files(code: str, models: Path | None = None) -> dict[str, bytes]:
    """By path relative to the working directory; found by parsing, nothing is run. The same for the same code.

    Args:
        models: the folder of the fitted models that an environment's hub has; without it there are none.
    """
    wanted = {file.path: file.kind for file in files_for(code)}  # their number is bounded
    return _bounded({path: content for path, kind in wanted.items() if (content := _content(kind, models)) is not None})


def sandbox_pages(code: str) -> dict[str, tuple[str, bytes]]:
    """By address, which the text states in full: a page's media type and content. Found by parsing."""
    kinds = addresses_for(code)  # their number is bounded
    pages = _bounded({address: contents(kind) for address, kind in kinds.items()})
    return {address: (media_type(kinds[address]), content) for address, content in pages.items()}


def _content(kind: str, models: Path | None) -> bytes | None:
    name, _, fields = kind.partition(" ")
    if name != "model":
        return contents(kind)
    asked = json.loads(fields)
    path = None if models is None else models / f"{asked['task']}-{asked['columns']}"
    return path.read_bytes() if path is not None and path.is_file() else None


def _bounded(found: dict[str, bytes]) -> dict[str, bytes]:
    total, kept = 0, {}
    for name, content in found.items():
        total += len(content)
        if total > MAX_BYTES:
            break
        kept[name] = content
    return kept
