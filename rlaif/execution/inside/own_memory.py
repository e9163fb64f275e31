"""Python's shared anonymous memory, as memory of one's own: a snippet has no process to share it with.

The system-call filter does not let a snippet have the shared kind (see `seccomp`).
"""

from __future__ import annotations

import mmap as module
from typing import Self

_Mapping = module.mmap
_READ, _WRITE = module.PROT_READ, module.PROT_WRITE
_PROTECTION = {module.ACCESS_READ: _READ, module.ACCESS_WRITE: _READ | _WRITE}


def install() -> None:
    """Put another class in the place of `mmap.mmap`, whose anonymous mappings are private."""
    module.mmap = mmap  # type: ignore[misc]


class mmap(_Mapping):
    """As `mmap.mmap`; MAP_PRIVATE where it is anonymous."""

    __module__ = "mmap"

    def __new__(
        cls,
        fileno: int,
        length: int,
        flags: int = module.MAP_SHARED,
        prot: int = _READ | _WRITE,
        access: int = module.ACCESS_DEFAULT,
        *offset: int,
        **options: int,
    ) -> Self:
        """Raises as the original does."""
        if (fileno == -1 or flags & module.MAP_ANONYMOUS) and access in (module.ACCESS_DEFAULT, *_PROTECTION):
            flags = flags & ~module.MAP_SHARED | module.MAP_PRIVATE
            prot, access = _PROTECTION.get(access, prot), module.ACCESS_DEFAULT
        return super().__new__(cls, fileno, length, flags, prot, access, *offset, **options)
