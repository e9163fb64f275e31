"""Who may import whom: the lines that the plan of the house draws."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "rlaif"
ROOMS = {"data", "models", "feedback", "rl", "execution", "metrics", "report", "source"}
FILES = sorted(PACKAGE.rglob("*.py"))


def imports_of(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def importers_of(package: str) -> set[str]:
    return {
        str(path.relative_to(PACKAGE))
        for path in FILES
        if any(name == package or name.startswith(f"{package}.") for name in imports_of(path))
    }


def test_records_knows_only_the_standard_library() -> None:
    roots = {name.split(".")[0] for name in imports_of(PACKAGE / "records.py")}
    assert roots <= set(sys.stdlib_module_names)


def test_only_the_entrypoint_and_compose_know_hydra() -> None:
    assert importers_of("hydra") == {"compose.py", "train.py"}


def test_only_tracking_imports_wandb() -> None:
    assert importers_of("wandb") == {"tracking.py"}


def test_the_package_never_imports_experiments_or_tests() -> None:
    assert not importers_of("experiments") | importers_of("tests")


@pytest.mark.parametrize("path", sorted((PACKAGE / "stages").glob("*.py")), ids=lambda path: path.stem)
def test_stages_do_not_import_each_other(path: Path) -> None:
    stages = {file.stem for file in (PACKAGE / "stages").glob("*.py")} - {"__init__", "artifacts"}
    assert not {name for name in imports_of(path) if name in {f"rlaif.stages.{stage}" for stage in stages}}


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_rooms_do_not_import_upwards(room: str) -> None:
    above = ("rlaif.stages", "rlaif.pipeline", "rlaif.train", "rlaif.compose", "rlaif.tracking", "rlaif.runs")
    for path in (PACKAGE / room).rglob("*.py"):
        upwards = {name for name in imports_of(path) if name.startswith(above)}
        assert not upwards, f"{path.name} imports {upwards}"


def test_rl_knows_neither_configs_nor_data() -> None:
    for path in (PACKAGE / "rl").rglob("*.py"):
        others = {"rlaif.config", "rlaif.data", "rlaif.feedback", "rlaif.execution", "rlaif.metrics"}
        assert not {name for name in imports_of(path) if name.startswith(tuple(others))}, path.name


def test_source_knows_only_records() -> None:
    for path in (PACKAGE / "source").rglob("*.py"):
        own = {name for name in imports_of(path) if name.startswith("rlaif.")}
        assert all(name.startswith(("rlaif.records", "rlaif.source")) for name in own), f"{path.name}: {own}"


def test_execution_knows_no_judge() -> None:
    for path in (PACKAGE / "execution").rglob("*.py"):
        assert not {name for name in imports_of(path) if name.startswith("rlaif.feedback")}, path.name


def test_no_module_without_a_purpose() -> None:
    assert not {path.stem for path in FILES} & {"utils", "helpers", "misc", "manager", "common"}
