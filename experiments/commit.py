"""Which state of the project a figure was made with."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def commit() -> str:
    """As git describes it, "-dirty" where files differ from it; empty without git."""
    git = shutil.which("git")
    if git is None:
        return ""
    command = [git, "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
