"""Writes a TensorFlow Hub's cache; runs in the environment that will read it, and imports nothing of the project.

    python -I write_hub.py < REQUEST

The request is JSON: {"directory": ..., "models": [{"handle", "contract", "options"}, ...]}.
What came of it is in DIRECTORY/report.json: {"built": {handle: contract}, "failures": [{"id", "reason"}],
"versions": {...}}.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import audio
import detection
import images
import tensorflow as tf
import tensorflow_hub
import text

_MODULES = {"audio": audio, "detection": detection, "images": images, "text": text}


def main() -> None:
    request = json.load(sys.stdin)
    directory = Path(request["directory"])
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    built: dict[str, str] = {}
    failures: list[dict[str, str]] = []
    for model in request["models"]:
        folder = directory / cache_name(model["handle"])
        try:
            _write(model, folder)
            built[model["handle"]] = model["contract"]
        except Exception as error:  # one model's trouble is a line of the report
            shutil.rmtree(folder, ignore_errors=True)
            failures.append({"id": model["handle"], "reason": _one_line(error)})
    versions = {"tensorflow": tf.__version__, "tensorflow_hub": tensorflow_hub.__version__}
    report = {"built": built, "failures": failures, "versions": versions}
    (directory / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def cache_name(handle: str) -> str:
    """The folder that tensorflow_hub looks into before it downloads a handle."""
    return hashlib.sha1(handle.encode("utf-8"), usedforsecurity=False).hexdigest()


def _write(model: dict[str, Any], folder: Path) -> None:
    """A model's weights depend on its handle alone."""
    tf.keras.backend.clear_session()
    tf.random.set_seed(int(cache_name(model["handle"])[:8], 16))
    module, function = model["contract"].split(".")
    getattr(_MODULES[module], function)(str(folder), **model["options"])


def _one_line(error: Exception) -> str:
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words[:200]}"


if __name__ == "__main__":
    main()
