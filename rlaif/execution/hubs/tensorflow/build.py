"""Builds the hub in a process of the environment's interpreter, once for a content."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rlaif.errors import UserError
from rlaif.execution.hubs.hub import Failure, Hub, built_once
from rlaif.execution.hubs.tensorflow.survey import Model, survey
from rlaif.records import ApiRow

REPORT = "report.json"
_BUILDER = Path(__file__).with_name("builder")
_TIMEOUT_S = 1800.0
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "",
    "OMP_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
}


def build(interpreter: Path, database: Sequence[ApiRow], directory: Path) -> Hub:
    """The hub of the database's handles, in a folder of ``directory`` named for its content.

    Several processes may ask at once: one builds, and the folder appears whole.

    Args:
        interpreter: a Python that has tensorflow and tensorflow_hub.
        database: the API database; its calls and example code name the handles.

    Raises UserError where the database names no handle, or the builder does not run.
    """
    models = survey(database)
    if not models:
        raise UserError("the API database names no TensorFlow Hub handle (https://tfhub.dev/...)")
    folder = built_once(
        directory / f"tensorflow_hub-{hub_digest(models)}", lambda partial: _run_builder(interpreter, models, partial)
    )
    report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    return Hub(
        directory=folder,
        variables=(("TFHUB_CACHE_DIR", str(folder)),),
        num_built=len(report["built"]),
        failures=tuple(Failure(**failure) for failure in report["failures"]),
    )


def handles_in(hub: Hub) -> frozenset[str]:
    """The handles that a hub has; for telling an unknown one."""
    report = json.loads((hub.directory / REPORT).read_text(encoding="utf-8"))
    return frozenset(report["built"])


def hub_digest(models: Sequence[Model]) -> str:
    """Identifies a hub's content: the handles with their contracts, and the builder's code."""
    content = json.dumps([dataclasses.asdict(model) for model in models], sort_keys=True)
    code = b"".join(path.read_bytes() for path in sorted(_BUILDER.glob("*.py")))
    return hashlib.sha256(content.encode() + code).hexdigest()[:12]


def _run_builder(interpreter: Path, models: Sequence[Model], directory: Path) -> None:
    request = {"directory": str(directory), "models": [dataclasses.asdict(model) for model in models]}
    with tempfile.TemporaryDirectory() as home:  # Keras writes a file there
        try:
            ended = subprocess.run(
                [str(interpreter), "-I", str(_BUILDER / "write_hub.py")],
                input=json.dumps(request).encode(),
                env=_ENVIRONMENT | {"HOME": home, "TMPDIR": home},
                cwd=home,
                capture_output=True,
                timeout=_TIMEOUT_S,
                check=False,
            )
        except OSError as error:
            raise UserError(f"{interpreter}: {error.strerror}; it is to build the TensorFlow Hub") from None
        except subprocess.TimeoutExpired:
            raise UserError(f"building the TensorFlow Hub took longer than {_TIMEOUT_S:.0f} s") from None
    if ended.returncode != 0 or not (directory / REPORT).is_file():
        words = ended.stderr.decode(errors="replace").strip().splitlines()
        raise UserError(f"building the TensorFlow Hub failed: {words[-1] if words else ended.returncode}")
