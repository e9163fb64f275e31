"""Fills a cache: reads a request, builds each recipe once, links the repositories to them, and reports.

request (JSON on standard input)
    cache            the folder to fill
    work             a folder for what is built, on the same file system
    report           the file to write
    samples          the folder for files that snippets find in their own directory
    num_processes    how many to build with
    repositories     [{id, api_class, domain, provider, revisions, variants}]
    source           null, or where to read real files from: a hub's address, or a folder
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import shutil
import sys
import time
import traceback
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

from .cache_layout import add_old_style_files, add_repository, open_to_all, start_cache
from .class_info import CLASS_INFO_REPOSITORY, write_class_info
from .companions import companions
from .data_sets import write_data_sets
from .real_files import build_from_real_files, make_source
from .recipes import NotBuildable, Recipe, Wanted, alone, recipe_of
from .sample_models import write_sample_models
from .tokenization import TokenizerWriter
from .vocabularies import Vocabularies


@dataclass(frozen=True)
class Built:
    """What came of a recipe."""

    key: str
    folder: Path | None
    reason: str = ""
    """Why there is no folder; one line."""
    real_class: str | None = None
    """The model's class, where the files are the repository's real ones."""


def main() -> None:
    request = json.load(sys.stdin)
    started = time.monotonic()
    cache, work = Path(request["cache"]), Path(request["work"])
    asked = [Wanted(**{**row, "revisions": tuple(row["revisions"]), "variants": tuple(row["variants"])}) for row in
             request["repositories"]]  # fmt: skip
    known = {wanted.id for wanted in asked}
    everything = [*asked, *(extra for extra in companions() if extra.id not in known)]
    recipes, failures = _plan(everything, request["source"] is not None)
    start_cache(cache)
    results = {built.key: built for built in _build_all(recipes, work, request["num_processes"], request["source"])}
    built = {}
    for wanted, recipe in recipes.items():
        result = results[recipe.key]
        if result.folder is None:
            failures[wanted.id] = result.reason
            continue
        add_repository(cache, wanted.id, result.folder, wanted.revisions)
        if recipe.kind == "tabular":
            add_old_style_files(cache, wanted.id, result.folder)
        if recipe.kind == "flair":  # it has a cache of its own for each model
            own = cache / "flair" / "models" / wanted.id.rpartition("/")[2]
            add_repository(own, wanted.id, result.folder, wanted.revisions)
        built[wanted.id] = f"real files, {result.real_class}" if result.real_class else _describe(recipe)
    samples = Path(request["samples"])
    write_sample_models(samples / "models")
    write_data_sets(samples / "data_sets")
    class_info = work / "class_info"
    write_class_info(class_info)
    add_repository(cache, CLASS_INFO_REPOSITORY, class_info, ("main",), repo_type="dataset")
    open_to_all(cache)
    open_to_all(samples)
    report = {
        "built": dict(sorted(built.items())),
        "companions": sorted(set(built) - known),
        "failures": {name: reason for name, reason in sorted(failures.items()) if name in known},
        "num_recipes": len(results),
        "seconds": round(time.monotonic() - started, 1),
        "processor_seconds": round(_processor_seconds(), 1),
        "versions": {"transformers": transformers.__version__, "torch": torch.__version__},
    }
    Path(request["report"]).write_text(json.dumps(report, indent=1), encoding="utf-8")


def _plan(asked: list[Wanted], is_real: bool) -> tuple[dict[Wanted, Recipe], dict[str, str]]:
    """The recipe of each repository, and why others have none. Real files are shared by no two repositories."""
    recipes, failures = {}, {}
    for wanted in asked:
        try:
            recipe = recipe_of(wanted)
            recipes[wanted] = alone(recipe, wanted) if is_real else recipe
        except NotBuildable as error:
            failures[wanted.id] = str(error)
        except Exception as error:  # one repository must not cost the others
            failures[wanted.id] = _one_line(error)
    return recipes, failures


def _build_all(recipes: dict[Wanted, Recipe], work: Path, num_processes: int, source: str | None) -> Iterator[Built]:
    distinct = list({recipe.key: recipe for recipe in recipes.values()}.values())
    jobs = [(recipe, work, source) for recipe in distinct]
    if num_processes == 1:
        yield from map(_build_one, jobs)
        return
    with multiprocessing.get_context("fork").Pool(num_processes) as pool:
        yield from pool.imap_unordered(_build_one, jobs, chunksize=1)
        pool.close()
        pool.join()


def _build_one(job: tuple[Recipe, Path, str | None]) -> Built:
    recipe, work, address = job
    folder = work / "recipes" / recipe.key
    folder.mkdir(parents=True)
    torch.set_num_threads(1)
    torch.manual_seed(zlib.crc32(recipe.key.encode()))  # the same weights, whichever process builds them
    try:
        real_class = _build_real(recipe, address, work, folder) if address else None
        if real_class is None:
            _build(recipe, work, folder)
    except NotBuildable as error:
        return Built(recipe.key, None, str(error))
    except Exception as error:
        if os.environ.get("HUB_TRACEBACKS"):
            print(recipe.name, recipe.model_type, file=sys.stderr)
            traceback.print_exc()
        return Built(recipe.key, None, f"{recipe.model_type or recipe.kind}: {_one_line(error)}")
    return Built(recipe.key, folder, real_class=real_class)


def _build_real(recipe: Recipe, address: str, work: Path, folder: Path) -> str | None:
    """Build from the repository's real files; None, and an empty folder, where that cannot be."""
    source = make_source(address, work / "downloads")
    if recipe.kind in ("transformers", "sentence", "composite") and source is not None:
        try:
            real_class = build_from_real_files(folder) if source.fetch(recipe.name, folder) else None
        except Exception as error:  # of a config that this version of the library cannot read
            print(f"{recipe.name}: {_one_line(error)}", file=sys.stderr)
            real_class = None
        if real_class is not None:
            return real_class
        shutil.rmtree(folder)
        folder.mkdir()
    return None


def _build(recipe: Recipe, work: Path, folder: Path) -> None:
    from .diffusion import build_pipeline
    from .sentence_embeddings import build_sentence_encoder
    from .tabular import build_table_model
    from .transformers_models import build_composite, build_model

    vocabularies = Vocabularies(work / f"vocabularies-{os.getpid()}")
    tokenizers = TokenizerWriter(vocabularies)
    builders: dict[str, Any] = {
        "transformers": lambda: build_model(recipe, tokenizers, folder),
        "composite": lambda: build_composite(recipe, tokenizers, folder),
        "sentence": lambda: build_sentence_encoder(recipe, tokenizers, folder),
        "diffusers": lambda: build_pipeline(recipe, vocabularies, folder),
        "tabular": lambda: build_table_model(recipe, folder),
    }
    if recipe.kind in builders:
        builders[recipe.kind]()
    else:
        _build_own_format(recipe, folder)


def _build_own_format(recipe: Recipe, folder: Path) -> None:
    """By a library that takes seconds to import, and that few repositories need."""
    if recipe.kind == "timm":
        from .timm_models import build_timm_model as build
    elif recipe.kind == "speechbrain":
        from .speechbrain_models import build_speechbrain as build
    elif recipe.kind == "pyannote":
        from .pyannote_models import build_pyannote as build
    else:
        from .flair_models import build_flair_tagger as build
    build(recipe, folder)


def _processor_seconds() -> float:
    """Of this process and of those that it started and that have ended; it does not depend on what else runs."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def _describe(recipe: Recipe) -> str:
    return " ".join(part for part in (recipe.kind, recipe.model_type, recipe.class_name) if part)


def _one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
