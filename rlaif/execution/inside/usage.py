"""What a child uses, read from outside of it: its time, its memory, the files that it holds without a name.

All but the CPU time comes from the directory of processes, /proc. The server has it as a
descriptor (see `rlaif.execution.worker`), because a sandbox of bubblewrap has none in its
file system; a child closes that descriptor before it runs anything.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterator
from itertools import islice

_CPU_CLOCK = 2  # CPUCLOCK_SCHED: of all of a process's threads, also of those that have ended
_MAPPING = re.compile(
    rb"^(?P<place>\S+) \S+ \S+ \S+ (?P<inode>[1-9][0-9]*) +/(?!dev/zero |memfd:|SYSV).* \(deleted\)$", re.MULTILINE
)
_MAX_TASKS = 256
"""Of a child's threads, how many are asked how long they waited."""


class Usage:
    """Reads what one child uses. Each method answers None, or nothing, of what cannot be read here.

    Args:
        child: not yet reaped, the only one of the calling thread.
        processes: a descriptor of /proc, of this sandbox or of the machine; None where there is none.
        inherited_bytes: of the address space that the child started with.
    """

    def __init__(self, child: int, processes: int | None, inherited_bytes: int = 0) -> None:
        self._child = child
        self._inherited_bytes = inherited_bytes
        self._processes = processes
        self._inherited: frozenset[int] | None = None
        self._path = "" if processes is None else _path_of(child, processes)

    def cpu_s(self) -> float | None:
        """Seconds of CPU time of all its threads."""
        try:
            return time.clock_gettime(~self._child << 3 | _CPU_CLOCK)
        except OSError:
            return None

    def waited_s(self) -> float | None:
        """Seconds that it could have run and had no CPU: those of its thread that waited longest."""
        tasks = islice(self._tasks(), _MAX_TASKS)
        waits = [int(text.split()[1]) for task in tasks if (text := self._read(f"{task}/schedstat"))]
        return max(waits) / 1e9 if waits else None

    def memory_bytes(self) -> int | None:
        """Address space, which its limit on memory counts, beyond what it started with."""
        pages = next(filter(None, map(self._pages, self._tasks())), None)  # a first thread that has ended has none
        return None if pages is None else pages * os.sysconf("SC_PAGE_SIZE") - self._inherited_bytes

    def unlinked_by_descriptor(self) -> dict[int, int]:
        """Bytes on disk of the files that it has open and that have no name any more, by inode.

        All threads share their descriptors; one that has ended has none.
        PermissionError where they are hidden.
        """
        for task in self._tasks():
            try:
                found = self._descriptors(f"{task}/fd")
            except PermissionError:
                if self._pages(task) > 0:
                    raise
                continue  # it is ending
            if found:
                return {
                    one.st_ino: one.st_blocks * 512 for one in found if stat.S_ISREG(one.st_mode) and one.st_nlink == 0
                }
        return {}

    def unlinked_by_mapping(self) -> dict[int, int | None]:
        """Bytes on disk of the files without a name that it has mapped, by inode; None where only root may know.

        Without those that it has from its server, such as a library that was replaced on disk.
        """
        for task in self._tasks():
            mapped = self._read(f"{task}/maps")
            if mapped:
                return self._sizes(mapped) if _MAPPING.search(mapped) else {}
        return {}

    def _sizes(self, mapped: bytes) -> dict[int, int | None]:
        if self._inherited is None:
            own = self._read("self/maps")
            self._inherited = frozenset(int(match["inode"]) for match in _MAPPING.finditer(own))
        found: dict[int, int | None] = {}
        for match in _MAPPING.finditer(mapped):
            inode = int(match["inode"])
            if inode not in self._inherited and inode not in found:
                found[inode] = self._size_of_mapped(match["place"].decode())
        return found

    def _size_of_mapped(self, place: str) -> int | None:
        try:
            one = os.stat(f"{self._path}/map_files/{place}", dir_fd=self._processes)
        except OSError:
            return None
        return one.st_blocks * 512 if one.st_nlink == 0 else 0  # its name may end like that

    def _tasks(self) -> Iterator[str]:
        """Of each of its threads, the path below /proc."""
        if self._path:
            try:
                directory = os.open(f"{self._path}/task", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._processes)
            except OSError:
                return
            try:
                names = os.listdir(directory)  # noqa: PTH208
            finally:
                os.close(directory)
            yield from (f"{self._path}/task/{name}" for name in names)

    def _pages(self, task: str) -> int:
        return int((self._read(f"{task}/statm") or b"0").split()[0])

    def _descriptors(self, path: str) -> list[os.stat_result]:
        try:
            directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._processes)
        except (FileNotFoundError, ProcessLookupError):
            return []
        found = []
        try:
            for name in os.listdir(directory):  # noqa: PTH208
                try:
                    found.append(os.stat(name, dir_fd=directory))
                except (FileNotFoundError, ProcessLookupError):
                    continue  # closed meanwhile
        except (FileNotFoundError, ProcessLookupError):
            pass
        finally:
            os.close(directory)
        return found

    def _read(self, path: str) -> bytes:
        """Empty where it is gone, or kept from us."""
        parts = []
        try:
            descriptor = os.open(path, os.O_RDONLY, dir_fd=self._processes)
        except OSError:
            return b""
        try:
            while part := os.read(descriptor, 1 << 20):
                parts.append(part)
        except OSError:
            pass
        finally:
            os.close(descriptor)
        return b"".join(parts)


def _path_of(child: int, processes: int) -> str:
    """Where /proc has the child, which may be by another number than here. Empty where it is not found."""
    try:
        if os.readlink("self", dir_fd=processes) == str(os.getpid()):
            return str(child)
        descriptor = os.open("thread-self/children", os.O_RDONLY, dir_fd=processes)
    except OSError:
        return ""
    try:
        return os.read(descriptor, 64).decode().strip()
    finally:
        os.close(descriptor)
