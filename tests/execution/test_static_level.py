"""Level 0: verdicts without a run, against the standard library and against a small environment made here."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from rlaif.config import Isolation
from rlaif.errors import UserError
from rlaif.execution import Executor
from rlaif.execution.api_ids import ids_of
from rlaif.execution.static_index import EnvironmentIndex, load_index
from rlaif.execution.static_level import StaticCheck
from rlaif.feedback.static import finding_of
from rlaif.records import ApiRow

STDLIB = {
    "passes": ("import json\nprint(json.loads('1'))", "pass", "", None),
    "no_code": (None, "fault", "no_code", None),
    "blank": (" \n", "fault", "no_code", None),
    "syntax": ("x = 1\ny = = 2", "fault", "syntax", 2),
    "null": ("x = '\0'", "fault", "syntax", None),
    "name": ("x = 1\nprint(y)", "fault", "name", 2),
    "invented_module": ("import os\nimport surely_invented.part", "fault", "import", 2),
    "invented_submodule": ("import json.invented", "fault", "import", 1),
    "real_package": ("import torch\nx = torch.invented", "inconclusive", "package_missing", 1),
    "fault_before_missing_package": ("import torch\nprint(y)", "fault", "name", 2),
    "member": ("from json import invented", "fault", "api_absent", 1),
    "submodule_as_member": ("from concurrent import futures\nfrom os import path", "pass", "", None),
    "attribute": ("import json\njson.invent('x')", "fault", "api_absent", 2),
    "attribute_of_alias": ("import os.path as p\np.joined('x')", "fault", "api_absent", 2),
    "attribute_of_class": ("import datetime\ndatetime.datetime.todays()", "fault", "attribute", 2),
    "attribute_of_class_is_there": ("import datetime\ndatetime.datetime.today().anything", "pass", "", None),
    "attribute_of_value": ("import sys\nsys.stdout.invented", "pass", "", None),
    "of_a_variable_of_the_same_name": ("import json\njson = {}\njson.invented", "pass", "", None),
    "of_a_parameter_of_the_same_name": ("import json\ndef f(json): json.invented", "pass", "", None),
    "star": ("from os import *\ngetcwd()", "pass", "", None),
    "relative": ("from . import x", "fault", "import", 1),
    "guarded": ("try:\n    import surely_invented\nexcept ImportError:\n    pass", "pass", "", None),
    "only_finally": ("try:\n    import surely_invented\nfinally:\n    pass", "fault", "import", 2),
    "set_attribute": ("import os\nos.mine = 1", "pass", "", None),
}  # fmt: skip


@pytest.mark.parametrize("name", list(STDLIB))
def test_standard_library(name: str) -> None:
    code, status, kind, line = STDLIB[name]
    (verdict,) = StaticCheck().run([code])
    assert (verdict.status, verdict.kind, verdict.line) == (status, kind, line), verdict


PACKAGES = {
    "torch/__init__.py": "from torch import nn\n_table = {'old': 1}\nclass Tensor: pass\n"
                         "def __getattr__(name):\n    if name in ('late', *_table): return 1\n"
                         "    raise AttributeError(name)",
    "torch/nn/__init__.py": "from torch.nn import functional as F\nclass Linear: pass",
    "torch/nn/functional.py": "def relu(x): return x",
    "torch/hub.py": "def load(repo_or_dir, model): pass",
    "torch/_private.py": "raise SystemExit(1)",
    "torch/broken.py": "import not_there",
    "torch/tests.py": "raise RuntimeError('tests are not imported')",
    "torch/deep/__init__.py": "",
    "torch/deep/deeper/deepest.py": "",
    "torch/deep/deeper/__init__.py": "",
    "transformers/__init__.py": "print('noise')\nfrom transformers.pipelines import pipeline\nclass AutoModel: pass",
    "transformers/pipelines.py": "SUPPORTED_TASKS = {'fill-mask': 1}\n"
                                 "TASK_ALIASES = {'ner': 'x'}\ndef pipeline(*a, **k): pass",
    "pandas.py": "import os\nos._exit(3)",
    "numpy.py": "def __getattr__(name):\n    return getattr(__import__('json'), name)",
    "unheard_of.py": "raise SystemExit('only known packages are looked into')",
}  # fmt: skip


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with small packages of well-known names."""
    home = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    (packages,) = home.glob("lib/python*/site-packages")
    for name, source in PACKAGES.items():
        (packages / name).parent.mkdir(parents=True, exist_ok=True)
        (packages / name).write_text(source)
    return home / "bin" / "python"


@pytest.fixture(scope="module")
def index(interpreter: Path, tmp_path_factory: pytest.TempPathFactory) -> EnvironmentIndex:
    return load_index(interpreter, "digest", tmp_path_factory.mktemp("indexes"))


def test_index(index: EnvironmentIndex) -> None:
    assert {"torch", "transformers", "pandas", "numpy", "unheard_of"} <= index.packages
    assert index.looked_into == {"torch", "transformers", "numpy"}
    assert set(index.failures) == {"pandas"}
    assert "torch.deep.deeper.deepest" in index.listed
    assert index.modules["torch.nn"]["F"] == "torch.nn.functional"
    assert {"late", "old"} <= index.modules["torch"].keys()
    assert "numpy" not in index.modules  # its names are another module's: unknown
    assert "torch.broken" not in index.modules
    assert index.tasks == {"fill-mask", "ner"}


def test_index_is_made_once(interpreter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_index(interpreter, "abc", tmp_path)
    monkeypatch.setattr(subprocess, "run", None)
    assert load_index(interpreter, "abc", tmp_path) == first
    assert [path.name for path in tmp_path.glob("*.json")] == ["index-abc.json"]


def test_an_interpreter_that_is_not_there_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be looked into"):
        load_index(tmp_path / "python", "abc", tmp_path)


KNOWN = ids_of([
    ApiRow(call, "", "")
    for call in ("AutoModel.from_pretrained('owner/model')", "torch.hub.load('pytorch/vision', 'resnet18')")
])  # fmt: skip
ENVIRONMENT = {
    "class": ("from transformers import AutoModel", "pass", ""),
    "invented_class": ("from transformers import AutoModelForDreams", "fault", "api_absent"),
    "invented_class_as_attribute": ("import transformers as t\nt.AutoModelForDreams()", "fault", "api_absent"),
    "module": ("import torch.nn.functional as F\nF.relu(1)", "pass", ""),
    "function_through_alias": ("import torch\ntorch.nn.F.relu(1)", "pass", ""),
    "invented_function_through_alias": ("import torch\ntorch.nn.F.reluu(1)", "fault", "api_absent"),
    "invented_module": ("import torch.invented", "fault", "import"),
    "names_that_come_when_asked": ("import torch\ntorch.late, torch.old", "pass", ""),
    "submodule": ("import torch\ntorch.hub.load, torch.deep.deeper", "pass", ""),
    "unknown_names": ("import numpy, pandas\nnumpy.anything, pandas.anything", "pass", ""),
    "module_that_did_not_import": ("from torch.broken import anything", "pass", ""),
    "not_looked_into": ("from unheard_of.anything import x", "pass", ""),
    "not_installed": ("import tensorflow", "inconclusive", "package_missing"),
    "attribute_of_class": ("import torch\ntorch.nn.Linear.anything", "pass", ""),
    "task": ("from transformers import pipeline\npipeline('fill-mask')", "pass", ""),
    "task_alias": ("import transformers\ntransformers.pipeline(task='ner')", "pass", ""),
    "translation": ("from transformers import pipeline\npipeline('translation_en_to_fr')", "pass", ""),
    "invented_task": ("from transformers import pipeline\npipeline('dreams')", "fault", "api_absent"),
    "task_of_another_pipeline": ("from sklearn import pipeline\npipeline('dreams')", "inconclusive", "package_missing"),
    "known_id": ("from transformers import AutoModel as A\nA.from_pretrained('owner/model')", "pass", ""),
    "unknown_id": ("from transformers import AutoModel as A\nA.from_pretrained('o/dream')", "unknown_api", "api_id"),
    "local_path": ("from transformers import AutoModel\nAutoModel.from_pretrained('./mine')", "pass", ""),
    "hub_entry": ("import torch\ntorch.hub.load('pytorch/vision:v0.9', model='resnet18')", "pass", ""),
    "unknown_entry": ("import torch\ntorch.hub.load('pytorch/vision', 'resnet19')", "unknown_api", "api_id"),
    "variable_id": ("import torch\nm = input()\ntorch.hub.load('pytorch/vision', m)", "pass", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", list(ENVIRONMENT))
def test_environment(index: EnvironmentIndex, name: str) -> None:
    code, status, kind = ENVIRONMENT[name]
    (verdict,) = StaticCheck(index, KNOWN).run([code])
    assert (verdict.status, verdict.kind) == (status, kind), verdict
    assert bool(verdict.message) == (status != "pass")


def test_without_known_ids_none_is_unknown(index: EnvironmentIndex) -> None:
    assert StaticCheck(index).run([ENVIRONMENT["unknown_id"][0]])[0].status == "pass"


def test_a_batch_in_milliseconds_and_in_order() -> None:
    check = StaticCheck()
    codes = [code for code, *_ in STDLIB.values()] * 20
    check.run(codes)  # the standard library's modules are imported the first time
    progress: list[int] = []
    started = time.process_time()
    verdicts = check.run(codes, progress.append)
    assert (time.process_time() - started) / len(codes) < 0.005
    assert [verdict.kind for verdict in verdicts] == [kind for *_, kind, _ in STDLIB.values()] * 20
    assert sum(progress) == len(codes)


def test_evidence_for_the_judge() -> None:
    check = StaticCheck()
    verdicts = check.run(["x = 1", "print(y)", "import torch"])
    assert [finding_of(verdict).yes for verdict in verdicts] == [True, False, None]
    assert finding_of(verdicts[1]).evidence == "line 1: name: name 'y' is not defined"


def test_what_it_blames_fails_in_a_run(run_executor: Executor) -> None:
    """Level 0 is the lenient one: the embedded cases that it calls faults are faults when they run."""
    codes = [code for code, status, *_ in STDLIB.values() if status == "fault" and "torch" not in (code or "")]
    assert {verdict.status for verdict in run_executor.run(codes)} == {"fault"}
    kinds = [verdict.kind for verdict in run_executor.run(codes)]
    assert kinds == [verdict.kind for verdict in StaticCheck().run(codes)]


@pytest.fixture
def run_executor(make_config, some_isolation: Isolation, tmp_path: Path):  # type: ignore[no-untyped-def]
    with Executor(make_config(some_isolation), tmp_path / "cache", tmp_path / "assets") as executor:
        yield executor
