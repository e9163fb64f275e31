"""One interface for every level; library errors settled by the references of the same id."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from rlaif.config import Environment, ExecutionConfig, Isolation, Level
from rlaif.execution import Executor, Verdict, open_runner
from rlaif.execution.api_ids import ids_of
from rlaif.execution.environments import Installation
from rlaif.execution.levels import MAX_REFERENCES, SettledRunner, StaticRunner
from rlaif.records import ApiRow

MakeConfig = Callable[..., ExecutionConfig]
ROWS = [ApiRow(f"AutoModel.from_pretrained('owner/{name}')", "", "") for name in ("good", "bad", "bare")]
LIBRARY = Verdict("fault", "value", "ValueError: no", 1, 0.1, "library")
PASS = Verdict("pass", "", "", None, 0.1)


class Recorded:
    """Stands for an executor: `ok` in the code passes, anything else fails in a library."""

    def __init__(self) -> None:
        self.ran: list[str | None] = []
        self.closed = False

    def run(self, snippets: Sequence[str | None], progress: Callable[[int], None] | None = None) -> list[Verdict]:
        self.ran += snippets
        return [PASS if "ok" in (code or "") else LIBRARY for code in snippets]

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> Recorded:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


REFERENCES = ["f('owner/good')", "g('owner/good')", "ok('owner/good')", "h('owner/good')", "f('owner/bad')", None]


@pytest.fixture
def settled() -> tuple[SettledRunner, Recorded]:
    executor = Recorded()
    return SettledRunner(executor, ids_of(ROWS), lambda: REFERENCES), executor


def test_a_library_error_counts_where_a_reference_of_its_id_passes(settled: tuple[SettledRunner, Recorded]) -> None:
    runner, executor = settled
    verdicts = runner.run(["x('owner/good')", "x('owner/bad')", "x('owner/bare')", "x('owner/nobody')", "ok()"])
    assert [verdict.kind for verdict in verdicts] == ["value", "mirror_gap", "mirror_gap", "value", ""]
    assert executor.ran[5:] == ["f('owner/bad')", "f('owner/good')", "g('owner/good')", "ok('owner/good')"]


def test_references_run_once_and_only_where_a_verdict_turns_on_them(settled: tuple[SettledRunner, Recorded]) -> None:
    runner, executor = settled
    runner.run(["ok('owner/good')", None])
    assert len(executor.ran) == 2
    first = runner.run(["x('owner/bad')"])
    num_ran = len(executor.ran)
    assert runner.run(["x('owner/bad')"]) == first
    assert len(executor.ran) == num_ran + 1


def test_references_are_settled_by_each_other(settled: tuple[SettledRunner, Recorded]) -> None:
    kinds = [verdict.kind for verdict in settled[0].run(REFERENCES[:5])]
    assert kinds == ["value", "value", "", "value", "mirror_gap"]


def test_references_of_an_id_have_a_bound() -> None:
    executor = Recorded()
    many = [f"f('owner/good', {number})" for number in range(MAX_REFERENCES)] + ["ok('owner/good')"]
    runner = SettledRunner(executor, ids_of(ROWS), lambda: many)
    assert runner.run(["x('owner/good')"])[0].kind == "mirror_gap"
    assert len(executor.ran) == 1 + MAX_REFERENCES


def test_it_closes_its_executor(settled: tuple[SettledRunner, Recorded]) -> None:
    with settled[0]:
        pass
    assert settled[1].closed


def test_the_config_names_the_runner(make_config: MakeConfig, some_isolation: Isolation, tmp_path: Path) -> None:
    with open_runner(make_config(some_isolation), tmp_path, tmp_path, references=lambda: ["x = 1"]) as runner:
        assert type(runner) is Executor  # the standard library has no gaps
    none = make_config(Isolation.none, environment=Environment.none, level=Level.static)
    with open_runner(none, tmp_path, tmp_path) as runner:
        assert runner.run(["x = 1"])[0].kind == "not_run"


def test_level_static_runs_nothing(make_config: MakeConfig, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    config = make_config(Isolation.bubblewrap, level=Level.static)
    with open_runner(config, tmp_path / "cache", tmp_path / "assets", ROWS) as runner, warnings.catch_warnings():
        warnings.simplefilter("error")
        codes = [f"open({str(marker)!r}, 'w')", "print(undefined)", "import json\njson.invented", None]
        verdicts = runner.run(codes)
    assert [verdict.kind for verdict in verdicts] == ["", "name", "api_absent", "no_code"]
    assert list(tmp_path.iterdir()) == []


def test_level_static_of_torchhub(
    make_config: MakeConfig, tmp_path: Path, installed: Callable[[str], Installation]
) -> None:
    installed("torchhub")
    config = make_config(environment=Environment.torchhub, level=Level.static)
    rows = [ApiRow("torch.hub.load('pytorch/vision', 'resnet18', pretrained=True)", "", "")]
    codes = [
        "import torch\ntorch.hub.load('pytorch/vision:v0.10.0', 'resnet18')",
        "import torch\ntorch.hub.load('pytorch/vision', 'resnet19')",
        "import torch\ntorch.hub.loads('pytorch/vision', 'resnet18')",
        "import torchvision",
    ]
    with open_runner(config, tmp_path / "cache", tmp_path / "assets", rows) as runner:
        assert isinstance(runner, StaticRunner)
        kinds = [verdict.kind for verdict in runner.run(codes)]
    assert kinds == ["", "api_id", "api_absent", "package_missing"]


def test_torchhub_reads_sample_files_and_settles(
    make_config: MakeConfig, some_isolation: Isolation, tmp_path: Path, installed: Callable[[str], Installation]
) -> None:
    """One run through everything: a hub, a sample file, and a tiny model that cannot do what the code asks."""
    installed("torchhub")
    config = make_config(some_isolation, environment=Environment.torchhub, timeout_s=20.0, memory_mb=2048)
    load = "import torch\nmodel = torch.hub.load('pytorch/vision', 'resnet18', pretrained=True)\n"
    codes = [load + "assert open('notes.txt').read()", load + "model(torch.rand(1, 7))"]
    rows = [ApiRow("torch.hub.load('pytorch/vision', 'resnet18', pretrained=True)", "", "")]
    directories = (tmp_path / "cache", tmp_path / "assets")
    with open_runner(config, *directories, rows, references=lambda: [load]) as runner:
        assert [(verdict.status, verdict.raised_in) for verdict in runner.run(codes)] == [
            ("pass", ""), ("fault", "library"),
        ]  # fmt: skip
    with open_runner(config, *directories, rows, references=lambda: [load + "model(None)"]) as runner:
        assert [verdict.kind for verdict in runner.run(codes)] == ["", "mirror_gap"]
