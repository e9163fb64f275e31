"""Runs that failed because the hub does not have what they load: an unknown id, or a gap of the hub?"""

from __future__ import annotations

import ast
import dataclasses
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from rlaif.execution.api_ids import ids_loaded, without_revision
from rlaif.execution.hubs.hub import Hub
from rlaif.execution.hubs.huggingface.survey import is_repository_id
from rlaif.execution.trust import ALWAYS_THE_CODES
from rlaif.execution.verdict import Verdict
from rlaif.source.calls import bindings_of, calls_in
from rlaif.source.parse import parse

_REPORT = "report.json"
_HANDLE = re.compile(r"https?://(?:www\.)?tfhub\.dev/\S+")
_LOADERS = frozenset((
    "from_pretrained", "from_hparams", "pipeline", "load", "KerasLayer", "resolve", "create_model", "load_from_hub",
    "hf_hub_download", "snapshot_download", "SentenceTransformer", "CrossEncoder",
))  # fmt: skip


@dataclass(frozen=True)
class HubIds:
    """The ids of one offline hub, each one string."""

    built: frozenset[str]
    failures: frozenset[str]
    """Ids of the database that could not be built."""


def read_hub_ids(hub: Hub) -> HubIds:
    """Of a hub that says in its report what it has."""
    report = json.loads((hub.directory / _REPORT).read_text(encoding="utf-8"))
    return HubIds(frozenset(map(_plain, report["built"])), frozenset(_plain(failure.id) for failure in hub.failures))


def explain(verdict: Verdict, code: str, ids: HubIds) -> Verdict:
    """The verdict; another one where a library failed in the very statement that loads what the hub does not have.

    That is unknown_api where nobody has heard of the id, and inconclusive (mirror_gap) where the
    database has it and only the hub does not.
    """
    if verdict.line is None or verdict.raised_in != "library" or verdict.kind in ALWAYS_THE_CODES:
        return verdict
    tree = parse(code)[0]
    missing = sorted(set(_loaded_at(tree, verdict.line)) - ids.built) if tree is not None else []
    if not missing:
        return verdict
    unknown = [one for one in missing if one not in ids.failures]
    if unknown:
        return dataclasses.replace(
            verdict, status="unknown_api", kind="api_id", message=f"the hub has no {' '.join(unknown)}"
        )
    return dataclasses.replace(verdict, status="inconclusive", kind="mirror_gap")


def _loaded_at(tree: ast.Module, line: int) -> Iterator[str]:
    """The ids that the innermost statement around a line loads, where they are written out or bound once."""
    statement = _statement_at(tree, line)
    if statement is None:
        return
    bindings = bindings_of(tree)
    for call in calls_in(statement, bindings):
        if call.written.rpartition(".")[2] in _LOADERS and call.literals.get("source") != "local":
            yield from (_plain(string) for string in call.strings if _is_id(string))
    for loaded, _ in ids_loaded(ast.Module([statement], [])):
        yield from map(_plain, loaded)


def _is_id(string: str) -> bool:
    return _HANDLE.fullmatch(string) is not None or is_repository_id(string)


def _statement_at(tree: ast.Module, line: int) -> ast.stmt | None:
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    return min(around, key=lambda node: (node.end_lineno or node.lineno) - node.lineno, default=None)


def _plain(id: str) -> str:
    return without_revision(id).rstrip("/")
