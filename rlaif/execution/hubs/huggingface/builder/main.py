"""Fills a cache: reads a request, builds each recipe once, links the repositories to them, and reports.

    request (JSON on standard input)
        cache            the folder to fill
        work             a folder for what is built, on the same file system
        report           the file to write
        num_processes    how many to build with
        repositories     [{id, api_class, domain, provider, revisions, variants}]
        source           null, or where to read real configs from: {"folder": ...} or {"endpoint": ...}
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import time
import traceback
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

from .cache_layout import add_old_style_files, add_repository, open_to_all, start_cache
from .companions import companions
from .recipes import NotBuildable, Recipe, Wanted, recipe_of
from .tokenization import TokenizerWriter
from .vocabularies import Vocabularies


@dataclass(frozen=True)
class Built:
    """What came of a recipe."""

    key: str
    folder: Path | None
    reason: str = ""
    """Why there is no folder; one line."""


def main() -> None:
    request = json.load(sys.stdin)
    started = time.monotonic()
    cache, work = Path(request["cache"]), Path(request["work"])
    asked = [Wanted(**{**row, "revisions": tuple(row["revisions"]), "variants": tuple(row["variants"])}) for row in
             request["repositories"]]  # fmt: skip
    known = {wanted.id for wanted in asked}
    recipes, failures = _plan([*asked, *(extra for extra in companions() if extra.id not in known)])
    start_cache(cache)
    results = {built.key: built for built in _build_all(recipes, work, request["num_processes"])}
    built_ids = []
    for key, users in _users(recipes).items():
        for wanted in users:
            folder = results[key].folder
            if folder is None:
                failures[wanted.id] = results[key].reason
                continue
            add_repository(cache, wanted.id, folder, wanted.revisions)
            if recipes[wanted].kind == "tabular":
                add_old_style_files(cache, wanted.id, folder)
            built_ids.append(wanted.id)
    open_to_all(cache)
    report = {
        "built": {wanted.id: _describe(recipes[wanted]) for wanted in recipes if wanted.id in set(built_ids)},
        "companions": sorted(set(built_ids) - known),
        "failures": {name: reason for name, reason in sorted(failures.items()) if name in known},
        "num_recipes": len(results),
        "seconds": round(time.monotonic() - started, 1),
        "versions": {"transformers": transformers.__version__, "torch": torch.__version__},
    }
    Path(request["report"]).write_text(json.dumps(report, indent=1), encoding="utf-8")


def _plan(asked: list[Wanted]) -> tuple[dict[Wanted, Recipe], dict[str, str]]:
    recipes, failures = {}, {}
    for wanted in asked:
        try:
            recipes[wanted] = recipe_of(wanted)
        except NotBuildable as error:
            failures[wanted.id] = str(error)
        except Exception as error:  # one repository must not cost the others
            failures[wanted.id] = _one_line(error)
    return recipes, failures


def _users(recipes: dict[Wanted, Recipe]) -> dict[str, list[Wanted]]:
    users = defaultdict(list)
    for wanted, recipe in recipes.items():
        users[recipe.key].append(wanted)
    return users


def _build_all(recipes: dict[Wanted, Recipe], work: Path, num_processes: int) -> Iterator[Built]:
    distinct = list({recipe.key: recipe for recipe in recipes.values()}.values())
    jobs = [(recipe, work) for recipe in distinct]
    if num_processes == 1:
        yield from map(_build_one, jobs)
        return
    with multiprocessing.get_context("fork").Pool(num_processes) as pool:
        yield from pool.imap_unordered(_build_one, jobs, chunksize=1)


def _build_one(job: tuple[Recipe, Path]) -> Built:
    recipe, work = job
    folder = work / "recipes" / recipe.key
    folder.mkdir(parents=True)
    torch.set_num_threads(1)
    torch.manual_seed(zlib.crc32(recipe.key.encode()))  # the same weights, whichever process builds them
    try:
        _build(recipe, work, folder)
    except NotBuildable as error:
        return Built(recipe.key, None, str(error))
    except Exception as error:
        if os.environ.get("HUB_TRACEBACKS"):
            print(recipe.name, recipe.model_type, file=sys.stderr)
            traceback.print_exc()
        return Built(recipe.key, None, f"{recipe.model_type or recipe.kind}: {_one_line(error)}")
    return Built(recipe.key, folder)


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
    if recipe.kind == "timm":
        from .timm_models import build_timm_model

        builders["timm"] = lambda: build_timm_model(recipe, folder)
    builders[recipe.kind]()


def _describe(recipe: Recipe) -> str:
    return " ".join(part for part in (recipe.kind, recipe.model_type, recipe.class_name) if part)


def _one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
