"""Python's shared anonymous memory, as memory of one's own: a snippet has no process to share it with.

The system-call filter does not let a snippet have the shared kind (see `seccomp`).
"""

from __future__ import annotations

import mmap
from typing import Self

_Mapping = mmap.mmap
_READ, _WRITE = mmap.PROT_READ, mmap.PROT_WRITE
_PROTECTION = {mmap.ACCESS_READ: _READ, mmap.ACCESS_WRITE: _READ | _WRITE}


def install() -> None:
    """Put another class in the place of `mmap.mmap`, whose anonymous mappings are private."""
    OwnMapping.__module__, OwnMapping.__name__, OwnMapping.__qualname__ = "mmap", "mmap", "mmap"
    mmap.mmap = OwnMapping  # type: ignore[misc]


class OwnMapping(_Mapping):
    """As `mmap.mmap`; MAP_PRIVATE where it is anonymous."""

    def __new__(
        cls,
        fileno: int,
        length: int,
        flags: int = mmap.MAP_SHARED,
        prot: int = _READ | _WRITE,
        access: int = mmap.ACCESS_DEFAULT,
        *offset: int,
        **options: int,
    ) -> Self:
        if (fileno == -1 or flags & mmap.MAP_ANONYMOUS) and access in (mmap.ACCESS_DEFAULT, *_PROTECTION):
            flags = flags & ~mmap.MAP_SHARED | mmap.MAP_PRIVATE
            prot, access = _PROTECTION.get(access, prot), mmap.ACCESS_DEFAULT
        return super().__new__(cls, fileno, length, flags, prot, access, *offset, **options)
