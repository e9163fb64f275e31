"""The layout of huggingface_hub's cache: refs, snapshots, and the marks of files that a repository lacks."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from huggingface_hub import hf_hub_url
from huggingface_hub.file_download import repo_folder_name

# Files that libraries ask for and can do without. Marked as missing, so that they are not taken
# for files that only the network could tell of.
_OPTIONAL_FILES = (
    "adapter_config.json",
    "added_tokens.json",
    "chat_template.json",
    "config.json",
    "config_sentence_transformers.json",
    "custom_generate/generate.py",
    "flax_model.msgpack",
    "generation_config.json",
    "merges.txt",
    "model.safetensors",
    "model.safetensors.index.json",
    "model_index.json",
    "modules.json",
    "preprocessor_config.json",
    "processor_config.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "sentence_bert_config.json",
    "sentencepiece.bpe.model",
    "special_tokens_map.json",
    "spiece.model",
    "tf_model.h5",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
)
_FOLDER_MODE, _FILE_MODE = 0o755, 0o644


def start_cache(cache: Path) -> None:
    """An empty cache that libraries do not take for one of an older layout."""
    cache.mkdir(parents=True, exist_ok=True)
    for name in ("version.txt", "version_diffusers_cache.txt"):
        (cache / name).write_text("1", encoding="utf-8")


def add_repository(cache: Path, name: str, files: Path, revisions: Iterable[str], repo_type: str = "model") -> None:
    """Add a repository with the files of a folder, as links to them, under each of its revisions."""
    folder = cache / repo_folder_name(repo_id=name, repo_type=repo_type)
    commit = hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()
    snapshot = folder / "snapshots" / commit
    for path in sorted(path for path in files.rglob("*") if path.is_file()):
        target = snapshot / path.relative_to(files)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(path, target)
    for revision in revisions:
        reference = folder / "refs" / revision
        reference.parent.mkdir(parents=True, exist_ok=True)
        reference.write_text(commit, encoding="utf-8")
    for optional in _OPTIONAL_FILES:
        if not (snapshot / optional).exists():
            mark = folder / ".no_exist" / commit / optional
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()


def add_old_style_files(cache: Path, name: str, files: Path) -> None:
    """The same files where `cached_download`, which huggingface_hub once had, looks for them: by their address."""
    for path in sorted(path for path in files.rglob("*") if path.is_file()):
        address = hf_hub_url(name, path.relative_to(files).as_posix())
        os.link(path, cache / hashlib.sha256(address.encode()).hexdigest())


def open_to_all(directory: Path) -> None:
    """Readable for every user: a sandbox may run as another one. (Weights are written as private files.)"""
    directory.chmod(_FOLDER_MODE)
    for path in directory.rglob("*"):
        path.chmod(_FOLDER_MODE if path.is_dir() else _FILE_MODE)
