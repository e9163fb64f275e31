"""The environment that holds TRL's last release with PPO; it must not touch this project's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PINS = ("trl==1.12.0", "torch==2.13.0", "transformers==5.23.0", "accelerate==1.15.0", "numpy==2.4.6")
"""All but the first are those of constraints.txt: what is compared is the trainers."""
READY = ".ready"


def make_environment(directory: Path) -> Path:
    """Its interpreter. Built from wheels where it is not there yet, or has other pins; else reused.

    Raises:
        subprocess.CalledProcessError: pip could not install the pins; its output has been shown.
    """
    python = directory / "bin" / "python"
    ready = directory / READY
    pins = "\n".join(PINS) + "\n"
    if not (ready.exists() and ready.read_text(encoding="utf-8") == pins):
        print(f"Setting up {directory} with {', '.join(PINS)} (once; torch is large)", flush=True)
        subprocess.run([sys.executable, "-m", "venv", directory], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", *PINS], check=True)
        ready.write_text(pins, encoding="utf-8")
    return python.absolute()  # not resolved: that would be the interpreter outside the environment
