"""The server's own measures, without a sandbox around them."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from rlaif.execution.inside import server


def test_size_counts_blocks_and_follows_no_link(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (outside / "large").write_bytes(b"x" * (1 << 20))
    (inside / "small").write_bytes(b"x" * 5000)
    (inside / "link").symlink_to(outside)
    assert 5000 <= server._size(str(inside)) < 1 << 17


def test_size_is_bounded_in_number_and_depth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_WORKSPACE_ENTRIES", 10)
    for number in range(11):
        assert server._size(str(tmp_path)) < math.inf
        (tmp_path / f"{number}").touch()
    assert server._size(str(tmp_path)) == math.inf


def test_deep_directories_are_measured_and_cleared(tmp_path: Path) -> None:
    here = Path.cwd()
    os.chdir(tmp_path)
    try:
        for _ in range(1500):
            os.mkdir("d")  # noqa: PTH102 - relative, as the whole path soon is too long
            os.chdir("d")
    finally:
        os.chdir(here)
    assert server._size(str(tmp_path)) == math.inf
    server.clear(str(tmp_path))
    assert list(tmp_path.iterdir()) == []
