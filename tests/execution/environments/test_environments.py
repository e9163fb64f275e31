"""Environments: what is pinned, how one is built, and that nothing halfway built is ever taken for one."""

from __future__ import annotations

import ast
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import rlaif
from rlaif.config import Environment, Isolation
from rlaif.errors import UserError
from rlaif.execution.__main__ import main
from rlaif.execution.environments import (
    SPECS,
    EnvironmentSpec,
    Installation,
    build,
    build_environment,
    find_environment,
)
from rlaif.execution.environments.find import MARKER, environment_directory
from rlaif.execution.isolation import Contents, Limits, make_worker

CHECKOUT = Path(rlaif.__file__).parents[1]
LOCKED = [spec for spec in SPECS.values() if spec.lock is not None]


def write_wheel(directory: Path, name: str, version: str, source: str) -> None:
    """A package of one module, as pip takes it."""
    information = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": source,
        f"{information}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{information}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{information}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{information}/RECORD"])
    with zipfile.ZipFile(directory / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EnvironmentSpec:
    """An environment of one package, whose index is a directory."""
    index = tmp_path / "index"
    index.mkdir()
    for version in ("1.0", "2.0"):
        write_wheel(index, "tinypackage", version, f"VERSION = {version!r}\n")
    lock = tmp_path / "tiny.txt"
    lock.write_text("# tiny\ntinypackage==1.0\n")
    spec = EnvironmentSpec("tiny", lock, preload=("tinypackage",), size_mb=20, minutes=0.1)
    monkeypatch.setitem(SPECS, "tiny", spec)
    for key in [key for key in os.environ if key.startswith("PIP_")]:
        monkeypatch.delenv(key)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    return spec


BUILDER = """
import sys
from pathlib import Path
from rlaif.execution.environments import SPECS, EnvironmentSpec, build_environment
SPECS["tiny"] = EnvironmentSpec("tiny", Path(sys.argv[1]), preload=("tinypackage",), size_mb=20, minutes=0.1)
print(build_environment("tiny", Path(sys.argv[2]), lambda message: print(message, flush=True)).interpreter)
"""


@pytest.fixture
def start_builder(tiny: EnvironmentSpec, tmp_path: Path) -> Iterator[object]:
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", BUILDER, str(tiny.lock), str(tmp_path / "environments")]
        started.append(
            subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True, start_new_session=True)
        )
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.parametrize("spec", LOCKED, ids=lambda spec: spec.name)
def test_lock_files_are_exact_pins_and_name_no_place(spec: EnvironmentSpec) -> None:
    assert spec.lock is not None
    pins = [line for line in spec.lock.read_text().splitlines() if not line.startswith("#")]
    assert len(pins) > 20
    assert [pin for pin in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9a-z.]*", pin)] == []
    assert len({pin.split("==")[0].lower().replace("_", "-") for pin in pins}) == len(pins)


def test_lock_files_hold_what_the_environments_are_for() -> None:
    pins = {spec.name: spec.lock.read_text().splitlines() for spec in LOCKED if spec.lock is not None}
    hugging_face = {"transformers==4.40.2", "huggingface-hub==0.25.2", "diffusers==0.30.3", "torch==2.13.0"}
    assert hugging_face <= {*pins["hf2023"]}
    assert {"tensorflow-cpu==2.15.1", "tensorflow-hub==0.16.1"} <= {*pins["tf2023"]}
    assert not [pin for pin in pins["tf2023"] if pin.startswith("torch")]
    assert "torch==2.13.0" in pins["torchhub"]
    assert "torch==2.13.0" in (CHECKOUT / "constraints.txt").read_text().splitlines()


def test_every_environment_of_the_config_has_a_spec() -> None:
    assert {environment.value for environment in Environment} == {*SPECS, "none"}


@pytest.mark.slow
def test_a_build_says_its_cost_first_and_is_found_afterwards(tiny: EnvironmentSpec, tmp_path: Path) -> None:
    directory = tmp_path / "environments"
    with pytest.raises(UserError, match=r"not built.*python -m rlaif\.execution build tiny --dir ") as missing:
        find_environment("tiny", directory)
    assert "\n" not in str(missing.value)
    said: list[str] = []
    built = build_environment("tiny", directory, said.append)
    assert re.search(r"Building the tiny environment in .*0\.0 GB.*0\.1 minutes", said[0])
    code = "import tinypackage, sys; print(tinypackage.VERSION, sys.prefix)"
    shown = subprocess.run([built.interpreter, "-I", "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.split() == ["1.0", str(environment_directory(tiny, directory))]
    assert find_environment("tiny", directory) == built
    said.clear()
    assert build_environment("tiny", directory, said.append) == built
    assert said == []


@pytest.mark.slow
def test_what_is_named_for_it_is_taken_out_again(tiny: EnvironmentSpec, tmp_path: Path) -> None:
    spec = EnvironmentSpec("tiny", tiny.lock, removed=("tiny*.py",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SPECS, "tiny", spec)
        built = build_environment("tiny", tmp_path, lambda _: None)
    assert not list(built.site_packages[0].glob("tiny*.py"))
    assert list(built.site_packages[0].glob("tinypackage-1.0*"))


@pytest.mark.slow
def test_other_pins_are_another_environment(tiny: EnvironmentSpec, tmp_path: Path) -> None:
    first = build_environment("tiny", tmp_path, lambda _: None)
    assert tiny.lock is not None
    tiny.lock.write_text("tinypackage==2.0\n")
    with pytest.raises(UserError, match="not built"):
        find_environment("tiny", tmp_path)
    second = build_environment("tiny", tmp_path, lambda _: None)
    assert first.identity != second.identity
    assert {first.interpreter.exists(), second.interpreter.exists()} == {True}


@pytest.mark.slow
def test_a_killed_build_is_no_environment_and_the_next_one_replaces_it(
    tiny: EnvironmentSpec, start_builder: object, tmp_path: Path
) -> None:
    home = environment_directory(tiny, tmp_path / "environments")
    process = start_builder()  # type: ignore[operator]
    deadline = time.monotonic() + 60
    while not (home / "pyvenv.cfg").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert home.is_dir()
    assert not (home / MARKER).exists()
    (home / "left.txt").write_text("by the killed one")
    with pytest.raises(UserError, match="not built"):
        find_environment("tiny", home.parent)
    build_environment("tiny", home.parent, lambda _: None)
    assert find_environment("tiny", home.parent).interpreter.exists()
    assert not (home / "left.txt").exists()


@pytest.mark.slow
def test_of_two_builders_one_builds(start_builder: object) -> None:
    first, second = start_builder(), start_builder()  # type: ignore[operator]
    said = [process.communicate(timeout=120)[0].splitlines() for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0)
    assert said[0][-1] == said[1][-1]
    lines = [line for lines in said for line in lines]
    assert sum(line.startswith("Building the tiny") for line in lines) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"PIP_NO_INDEX": "0", "PIP_FIND_LINKS": "", "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "1"},
         "no package index can be reached"),
        ({"PIP_FIND_LINKS": "/nowhere"}, "No matching distribution found for tinypackage==1.0"),
    ],
)  # fmt: skip
def test_a_failed_build_is_one_line_and_leaves_nothing(
    tiny: EnvironmentSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], message: str
) -> None:
    for key, value in settings.items():
        monkeypatch.setenv(key, value)
    with pytest.raises(UserError, match=f"the tiny environment cannot be built: .*{message}") as error:
        build_environment("tiny", tmp_path / "environments", lambda _: None)
    assert "\n" not in str(error.value)
    assert not environment_directory(tiny, tmp_path / "environments").exists()


@pytest.mark.slow
def test_a_package_that_cannot_be_imported_is_found_at_once(tiny: EnvironmentSpec, tmp_path: Path) -> None:
    write_wheel(tmp_path / "index", "tinypackage", "3.0", "raise ImportError('libcuda.so is missing')\n")
    assert tiny.lock is not None
    tiny.lock.write_text("tinypackage==3.0\n")
    with pytest.raises(UserError, match=r"cannot be built: ImportError: libcuda.so is missing"):
        build_environment("tiny", tmp_path, lambda _: None)


def test_a_full_disk_is_said_before_anything_is_fetched(
    tiny: EnvironmentSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(100, 99, 1))
    monkeypatch.setattr(subprocess, "run", lambda *arguments, **options: pytest.fail("something was started"))
    with pytest.raises(UserError, match=r"needs 0\.0 GB of free disk space.*RLAIF_ENVIRONMENTS=DIR"):
        build_environment("tiny", tmp_path, lambda _: None)


def test_a_disk_that_fills_up_is_named() -> None:
    assert build._reason("...\nERROR: Could not install packages due to an OSError: [Errno 28] No space left") == (
        "the disk is full"
    )


def test_a_directory_that_cannot_be_written_is_one_line(tiny: EnvironmentSpec, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"the tiny environment cannot be built in .*: Not a directory"):
        build_environment("tiny", tmp_path / "file" / "environments", lambda _: None)


def test_a_python_that_is_not_there_is_named(tiny: EnvironmentSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = EnvironmentSpec("tiny", tiny.lock, pythons=("3.1",))
    with pytest.raises(UserError, match=r"is for Python 3\.1, which is not installed"):
        build._base_interpreter(spec)


def test_the_command_line(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit):
        main(["build", "stdlib"])  # there is nothing to build
    assert "invalid choice" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert main(["build", "torchhub", "--dir", str(tmp_path / "file")]) == 1
    assert re.fullmatch(r"error: the torchhub environment cannot be built .*\n", capsys.readouterr().err)


@pytest.mark.slow
@pytest.mark.parametrize("name", [spec.name for spec in LOCKED])
def test_preloading_starts_no_thread(name: str, installed: Callable[[str], Installation]) -> None:
    """A forked child has only the thread that forked; what another one held would stay held."""
    built = installed(name)
    paths = [str(path) for path in built.spec.warm_up_paths]
    code = f"import sys\nsys.path += {paths!r}\n" + "".join(f"import {module}\n" for module in built.spec.preload)
    code += "import os\nprint(sorted(open(f'/proc/self/task/{t}/comm').read() for t in os.listdir('/proc/self/task')))"
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "OMP_NUM_THREADS": "1"}
    command = [str(built.interpreter), "-I", "-c", code]
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert len(ast.literal_eval(shown)) == 1, shown


@pytest.mark.slow
@pytest.mark.parametrize("name", [spec.name for spec in LOCKED])
def test_what_is_installed_is_what_is_pinned(name: str, installed: Callable[[str], Installation]) -> None:
    built = installed(name)
    assert built.spec.lock is not None
    pins = {line.lower().replace("_", "-") for line in built.spec.lock.read_text().splitlines() if line[0] != "#"}
    frozen = subprocess.run([built.interpreter, "-m", "pip", "freeze", "--all"], capture_output=True, text=True)
    found = {re.sub(r"\+.*", "", line.lower()).replace("_", "-") for line in frozen.stdout.splitlines()}
    assert pins <= found
    brought = {line.split("==")[0] for line in found - pins} - {"pip"}
    assert not brought or all(re.match(r"nvidia-|cuda-|triton", package) for package in brought), brought


CONTENT = {
    "torchhub": ["torch", "numpy", "PIL.Image", "cv2", "matplotlib.pyplot", "requests"],
    "hf2023": [
        "torch", "transformers", "diffusers", "sentence_transformers", "datasets", "sklearn", "librosa",
        "torchaudio", "torchvision.transforms", "timm", "speechbrain.pretrained", "pyannote.audio", "flair.models",
        "huggingsound", "controlnet_aux", "decord",
    ],
    "tf2023": ["tensorflow", "tensorflow_hub", "numpy", "PIL.Image"],
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", [spec.name for spec in LOCKED])
def test_snippets_have_the_environments_packages_and_none_of_the_trainers(
    name: str, isolation: Isolation, installed: Callable[[str], Installation]
) -> None:
    built = installed(name)
    contents = Contents(
        interpreter=built.interpreter,
        preload=built.spec.preload,
        import_paths=(*built.site_packages, *built.spec.warm_up_paths),
    )
    sandbox = make_worker(isolation, contents, Limits(timeout_s=60.0, memory_mb=4096))
    try:
        for module in CONTENT[name]:
            code = f"import {module} as m\nassert m.__file__.startswith({str(built.site_packages[0])!r}), m.__file__"
            assert sandbox.run(code).report == {"passed": True}, module
        for module in ("omegaconf", "hydra", "wandb", "trl", "pytest", "rlaif", "pip._vendor.rlaif"):
            report = sandbox.run(f"import {module}").report
            assert report is not None
            assert "ModuleNotFoundError" in report["types"], module
        report = sandbox.run(f"open({str(built.site_packages[0] / 'x.py')!r}, 'w')").report
        assert report is not None
        assert "OSError" in report["types"]
    finally:
        sandbox.close()
