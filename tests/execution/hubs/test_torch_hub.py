"""The offline Torch Hub: what it is made from, and the real data's references in it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rlaif.config import Environment, ExecutionConfig, Isolation
from rlaif.data.completion import parse_completion
from rlaif.execution import Executor
from rlaif.execution.environments import Installation
from rlaif.execution.hubs.torch_hub import build_torch_hub, hub_digest, survey
from rlaif.records import ApiRow

CALLS = [
    ("torch.hub.load(repo_or_dir='pytorch/vision', model='resnet18', pretrained=True)", ""),
    ("torch.hub.load(repo_or_dir='pytorch/vision', model='fcn_resnet50', pretrained=True)",
     "m = torch.hub.load('pytorch/vision:v0.10.0', 'vgg11', pretrained=True)"),
    ("torch.hub.load(repo_or_dir='pytorch/fairseq')",
     "en2fr = torch.hub.load('pytorch/fairseq', 'transformer.wmt14.en-fr', tokenizer='moses')"),
    ("torch.hub.load(repo_or_dir='owner/meal', 'meal_v2', model='small', pretrained=True)", ""),
    ("no call at all", "name = 'MiDaS_small'\nmidas = torch.hub.load(\"intel-isl/MiDaS\", name)"),
    ("torch.hub.load(repo_or_dir='snakers4/silero-vad', model='silero_vad', force_reload=True)", ""),
]  # fmt: skip
ROWS = [ApiRow(call, "Classification", "PyTorch", examples=examples) for call, examples in CALLS]


def test_survey_reads_calls_and_examples() -> None:
    found = {repository.name: repository for repository in survey(ROWS)}
    assert found["pytorch/vision"].revisions == {"main", "v0.10.0"}
    assert found["pytorch/vision"].entry_points == {"resnet18", "fcn_resnet50", "vgg11"}
    assert found["pytorch/fairseq"].entry_points == {"transformer.wmt14.en-fr"}
    assert found["owner/meal"].entry_points == {"meal_v2", "small"}
    assert found["intel-isl/MiDaS"].entry_points == {"MiDaS_small"}
    assert len(found) == 5
    assert survey([ApiRow("pipeline('x')", "", "")]) == []


def test_hub_is_built_once_and_named_for_its_content(tmp_path: Path) -> None:
    repositories = survey(ROWS)
    report = build_torch_hub(repositories, tmp_path)
    assert (report.num_built, report.failures) == (8, ())
    assert report.variables == (("TORCH_HOME", str(report.directory)),)
    hub = report.directory / "hub"
    before = {path: path.stat().st_mtime_ns for path in hub.rglob("*")}
    assert build_torch_hub(repositories, tmp_path) == report
    assert {path: path.stat().st_mtime_ns for path in hub.rglob("*")} == before
    assert (hub / "pytorch_vision_v0.10.0" / "hubconf.py").exists()
    assert hub_digest(repositories[1:]) != hub_digest(repositories)


SNIPPETS = {
    "classifier": ("m = torch.hub.load('pytorch/vision', 'resnet18', pretrained=True).eval()\n"
                   "assert m(torch.rand(2, 3, 64, 64)).shape == (2, 1000)", "pass", ""),
    "segmentation": ("m = torch.hub.load('pytorch/vision:v0.10.0', 'fcn_resnet50', pretrained=True)\n"
                     "assert m(torch.rand(1, 3, 32, 48))['out'].shape == (1, 21, 32, 48)", "pass", ""),
    "translator": ("m = torch.hub.load('pytorch/fairseq', 'transformer.wmt14.en-fr', tokenizer='moses', bpe='x')\n"
                   "assert isinstance(m.translate('Hello', beam=5), str)", "pass", ""),
    "depth": ("m = torch.hub.load('intel-isl/MiDaS', 'MiDaS_small')\n"
              "assert m(torch.rand(1, 3, 32, 32)).shape == (1, 32, 32)", "pass", ""),
    "training": ("m = torch.hub.load('pytorch/vision', 'resnet18')\nm.train()\n"
                 "m(torch.rand(2, 3, 64, 64)).sum().backward()\nassert m.fc.weight.grad is not None", "pass", ""),
    "listing": ("assert 'vgg11' in torch.hub.list('pytorch/vision')", "pass", ""),
    "wrong_shape": ("torch.hub.load('pytorch/vision', 'resnet18')(torch.rand(2, 5, 64, 64))", "fault", "runtime"),
    "given_twice": ("torch.hub.load('owner/meal', 'meal_v2', model='small')", "fault", "type"),
    "no_entry_point": ("torch.hub.load('pytorch/vision', 'resnet19')", "unknown_api", "entry_point"),
    "no_repository": ("torch.hub.load('pytorch/visions', 'resnet18')", "unknown_api", "repository"),
    "no_repository_at_revision": ("torch.hub.load('nobody/nothing:v1', 'x')", "unknown_api", "repository"),
    "no_revision": ("torch.hub.load('pytorch/vision:v0.0.1', 'resnet18')", "unknown_api", "revision"),
    "fresh_download": ("torch.hub.load('snakers4/silero-vad', 'silero_vad', force_reload=True)",
                       "inconclusive", "resource"),
    "weights_from_the_net": ("torch.hub.download_url_to_file('https://example.com/a.pth', 'a.pth')",
                             "inconclusive", "resource"),
    "no_gpu": ("torch.rand(2).to('cuda')", "inconclusive", "resource"),
    "memory": ("torch.ones(1 << 34)", "inconclusive", "memory"),
    "local": ("torch.hub.load('/nowhere', 'resnet18', source='local')", "inconclusive", "resource"),
}  # fmt: skip


@pytest.fixture
def torchhub(
    make_config: Callable[..., ExecutionConfig], isolation: Isolation, installed: Callable[[str], Installation]
) -> ExecutionConfig:
    installed("torchhub")
    return make_config(isolation, environment=Environment.torchhub, timeout_s=20.0, memory_mb=1024)


@pytest.mark.slow
def test_verdicts(torchhub: ExecutionConfig, tmp_path: Path) -> None:
    codes = {name: "import torch\n" + code for name, (code, _, _) in SNIPPETS.items()}
    with Executor(torchhub, tmp_path / "cache", tmp_path / "assets", ROWS) as executor:
        verdicts = dict(zip(codes, executor.run(list(codes.values())), strict=True))
    found = {name: (verdict.status, verdict.kind) for name, verdict in verdicts.items()}
    expected = {name: (status, kind) for name, (_, status, kind) in SNIPPETS.items()}
    assert found == expected, verdicts


def database(apibench_dir: Path) -> list[ApiRow]:
    lines = (apibench_dir / "api" / "torchhub_api.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    return [ApiRow(row["api_call"], row["domain"], "PyTorch", examples=as_text(row["example_code"])) for row in rows]


def as_text(example: Any) -> str:
    if isinstance(example, dict):
        example = list(example.values())
    return "\n".join(map(as_text, example)) if isinstance(example, list) else str(example)


def test_survey_of_the_real_database(apibench_dir: Path) -> None:
    repositories = survey(database(apibench_dir))
    assert len(repositories) == 26
    assert sum(len(repository.entry_points) for repository in repositories) == 104


@pytest.mark.slow
def test_real_references(torchhub: ExecutionConfig, apibench_dir: Path, tmp_path: Path) -> None:
    """90.9% of the 186 pass; of the others 12 name the model twice, by position and by keyword."""
    records = (apibench_dir / "apibench" / "torchhub_eval.json").read_text().splitlines()
    codes = [parse_completion(json.loads(record)["code"].split("###Output:")[-1]).code for record in records]
    with Executor(torchhub, tmp_path / "cache", tmp_path / "assets", database(apibench_dir)) as executor:
        verdicts = executor.run(codes)
    counts = Counter(verdict.status for verdict in verdicts)
    assert counts["pass"] / len(verdicts) > 0.9, counts
    assert counts["unknown_api"] == 0
    assert not [verdict for verdict in verdicts if verdict.kind in ("isolation", "forged", "timeout")]
