"""The one-off online mode: a repository's real config, tokenizer and processor files, with shrunken weights.

Reading them is apart from what is made of them: a `Source` puts files into a folder, and
`build_from_real_files` knows nothing of where they came from.
"""

from __future__ import annotations

import fnmatch
import json
import shutil
from pathlib import Path
from typing import Any, Protocol

import transformers
from huggingface_hub import HfApi
from huggingface_hub.utils import HfHubHTTPError
from transformers import AutoConfig

from .shrinking import shrink

SMALL_FILES = (
    "*.json",
    "*.txt",
    "*.model",
    "*.spm",
    "*.codes",
    "*/config.json",
)
"""What is read: configs, vocabularies and processors, and no weights."""
LARGE_FILES = ("*.index.json", "*/model*", "flax_*", "tf_*", "onnx/*", "training_args*", "trainer_state.json")
MAX_FILE_BYTES = 32 << 20


class Source(Protocol):
    """Where real files come from."""

    def fetch(self, name: str, folder: Path) -> bool:
        """Put a repository's small files into a folder; False where there is no such repository to be had."""


class FolderSource:
    """Repositories below a folder, as owner/name."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def fetch(self, name: str, folder: Path) -> bool:
        origin = self._root / name
        if not origin.is_dir():
            return False
        for path in sorted(path for path in origin.rglob("*") if path.is_file()):
            relative = path.relative_to(origin).as_posix()
            if is_small_file(relative) and path.stat().st_size <= MAX_FILE_BYTES:
                target = folder / relative
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
        return True


class HubSource:
    """A hub at an address, asked through huggingface_hub."""

    def __init__(self, endpoint: str, downloads: Path) -> None:
        self._api = HfApi(endpoint=endpoint)
        self._downloads = downloads

    def fetch(self, name: str, folder: Path) -> bool:
        try:
            found = self._api.model_info(name, files_metadata=True)
        except (HfHubHTTPError, OSError):  # gone, private, gated, or no network
            return False
        for file in found.siblings or ():
            if is_small_file(file.rfilename) and (file.size or 0) <= MAX_FILE_BYTES:
                path = self._api.hf_hub_download(name, file.rfilename, cache_dir=self._downloads)
                target = folder / file.rfilename
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
        return True


def make_source(address: str | None, downloads: Path) -> Source | None:
    """A hub where the address is one of the web, else a folder; None for None."""
    if address is None:
        return None
    return HubSource(address, downloads) if address.startswith("http") else FolderSource(Path(address))


def is_small_file(path: str) -> bool:
    """Whether a path within a repository is one of those that are read."""
    if any(fnmatch.fnmatch(path, pattern) for pattern in LARGE_FILES):
        return False
    return path.count("/") <= 1 and any(fnmatch.fnmatch(path, pattern) for pattern in SMALL_FILES)


def build_from_real_files(folder: Path) -> str | None:
    """Complete a folder of real files with the weights of a model shrunk to them.

    Returns the model's class, or None where the files are not those of a transformers model; the
    folder is then as it was.
    """
    path = folder / "config.json"
    if not path.exists() or "model_type" not in json.loads(path.read_text(encoding="utf-8")):
        return None
    config = AutoConfig.from_pretrained(folder)
    class_name = (getattr(config, "architectures", None) or [""])[0]
    model_type = getattr(transformers, class_name, None)
    if model_type is None:
        return None
    generation = folder / "generation_config.json"
    real_generation = generation.read_bytes() if generation.exists() else None
    model = model_type(shrink(config))
    model.save_pretrained(folder, safe_serialization=True)
    if real_generation is not None:
        generation.write_bytes(real_generation)
    _fit_sentence_modules(folder, config)
    return class_name


def _fit_sentence_modules(folder: Path, config: Any) -> None:
    """Set the width that sentence-transformers' pooling tells, and leave out layers that need weights of their own."""
    path = folder / "modules.json"
    if not path.exists():
        return
    modules = [
        module for module in json.loads(path.read_text(encoding="utf-8")) if not module["type"].endswith("Dense")
    ]
    path.write_text(json.dumps(modules, indent=1), encoding="utf-8")
    for module in modules:
        pooling = folder / module["path"] / "config.json"
        if module["type"].endswith("Pooling") and pooling.exists():
            values = json.loads(pooling.read_text(encoding="utf-8"))
            pooling.write_text(json.dumps(values | {"word_embedding_dimension": config.hidden_size}), encoding="utf-8")
