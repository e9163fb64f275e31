"""What a snippet takes of disks: in its directory, in files that have no name any more, in shared directories."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence

from .usage import Usage

MAX_WORKSPACE_ENTRIES = 10_000
"""Files and directories: empty ones take no blocks, but the disk's inodes, or memory."""
MAX_SHARED_GROWTH = 32 << 30
SHARED_PART = 0.5
"""Of what is free on a shared directory's disk when a snippet starts, what it may take at most."""
_MAPPINGS_EVERY_S = 0.2
_UNLINKED_EVERY_S = 0.02


class DiskUse:
    """Measures, for one snippet from its start on.

    Args:
        workspace: its directory, empty. Where that is a file system of its own, all that is in it is the snippet's.
        size: bytes on disk of all that is below a directory, infinite where it is too much in another way.
        largest_file: what a mapped file without a name is taken for where its size cannot be known.
        shared: directories whose disks it may fill in part, such as caches of downloads.
    """

    def __init__(
        self, workspace: str, usage: Usage, size: Callable[[str], float], largest_file: int, shared: Sequence[str] = ()
    ) -> None:
        self._workspace = workspace
        self._usage = usage
        self._size = size
        self._largest_file = largest_file
        self._at_start = os.statvfs(workspace) if os.path.ismount(workspace) else None
        self._shared = [(path, os.statvfs(path)) for path in shared]
        self._mapped: dict[int, int | None] = {}
        self._unlinked, self._mappings_due, self._unlinked_due = 0.0, 0.0, time.monotonic() + _UNLINKED_EVERY_S

    def bytes_used(self) -> float:
        """Infinite where they cannot be counted, or where it takes too much of something else."""
        if any(_takes_too_much(path, before) for path, before in self._shared):
            return math.inf
        if self._at_start is not None:
            return _growth(self._at_start, os.statvfs(self._workspace))
        now = time.monotonic()
        if now >= self._unlinked_due:
            self._unlinked = self._bytes_unlinked(now)
            self._unlinked_due = now + _UNLINKED_EVERY_S
        return self._size(self._workspace) + self._unlinked

    def _bytes_unlinked(self, now: float) -> float:
        """Files that only the snippet holds: open ones, and mapped ones that are closed."""
        try:
            held = self._usage.unlinked_by_descriptor()
        except PermissionError:
            return math.inf
        if now >= self._mappings_due:  # the list is long: a line for each piece of each library
            self._mapped = self._usage.unlinked_by_mapping()
            self._mappings_due = now + _MAPPINGS_EVERY_S
        mapped = [size for inode, size in self._mapped.items() if inode not in held]
        return sum(held.values()) + sum(self._largest_file if size is None else size for size in mapped)


def _growth(before: os.statvfs_result, now: os.statvfs_result) -> float:
    if before.f_ffree - now.f_ffree > MAX_WORKSPACE_ENTRIES:
        return math.inf
    return (before.f_bfree - now.f_bfree) * now.f_frsize


def _takes_too_much(path: str, before: os.statvfs_result) -> bool:
    """By what is free on its disk, to which others may write as well."""
    now = os.statvfs(path)
    free = before.f_bavail * before.f_frsize
    taken = free - now.f_bavail * now.f_frsize
    return taken > min(MAX_SHARED_GROWTH, SHARED_PART * free) or before.f_ffree - now.f_ffree > (
        SHARED_PART * before.f_ffree
    )
