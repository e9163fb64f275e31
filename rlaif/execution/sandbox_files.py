"""The sample files that go into a sandbox with a snippet, and the pages that it can fetch there."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath

from rlaif.execution.hubs.sample_files import addresses_for, contents, data_sets_for, files_for, media_type

MAX_BYTES = 8 << 20
"""Of all of a snippet's files, and of all of its pages; those that come after are left out."""


DATA_SETS = ".cache/huggingface/datasets"
"""Below a snippet's home folder, which is its working directory: where `datasets` keeps what it has loaded."""


def sandbox_files(code: str, samples: Path | None = None) -> dict[str, bytes]:
    """By path relative to the working directory; found by parsing, nothing is run. The same for the same code.

    Args:
        samples: the folder of what only an environment's own libraries can write: fitted models below `models`,
            data sets below `data_sets`. Without it there are none.
    """
    found = _data_sets(code, samples)
    folders = {str(parent) for path in found for parent in PurePosixPath(path).parents}
    for file in files_for(code):  # their number is bounded
        content = _model(file.kind, samples) if file.kind.startswith("model ") else contents(file.kind)
        if content is not None and file.path not in folders:
            found.setdefault(file.path, content)
    return _bounded(found)


def sandbox_pages(code: str) -> dict[str, tuple[str, bytes]]:
    """By address, which the text states in full: a page's media type and content. Found by parsing."""
    kinds = addresses_for(code)  # their number is bounded
    pages = _bounded({address: contents(kind) for address, kind in kinds.items()})
    return {address: (media_type(kinds[address]), content) for address, content in pages.items()}


def _model(kind: str, samples: Path | None) -> bytes | None:
    asked = json.loads(kind.partition(" ")[2])
    path = None if samples is None else samples / "models" / f"{asked['task']}-{asked['columns']}"
    return path.read_bytes() if path is not None and path.is_file() else None


def _data_sets(code: str, samples: Path | None) -> dict[str, bytes]:
    """Of the data sets that the code loads, at their places in the library's cache, which is the snippet's own."""
    if samples is None or not (samples / "data_sets").is_dir():
        return {}
    wanted = {name.replace("/", "--") for name in data_sets_for(code)}
    folders = [folder for folder in sorted((samples / "data_sets").iterdir()) if folder.name in wanted]
    return {
        f"{DATA_SETS}/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _bounded(found: dict[str, bytes]) -> dict[str, bytes]:
    total, kept = 0, {}
    for name, content in found.items():
        total += len(content)
        if total > MAX_BYTES:
            break
        kept[name] = content
    return kept
