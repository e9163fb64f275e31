"""Memory of one forward and backward pass, kept for the next one, as PyTorch does on a GPU.

glibc gives the kernel back what is freed at the heap's end, and every large tensor at once; the next pass then has the
kernel clear the same pages again, which is a few percent of PPO's time on a CPU. See mallopt(3).
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
KEEP = {M_TRIM_THRESHOLD: -1, M_MMAP_MAX: 0}
"""Nothing is given back; no tensor gets pages of its own."""
DEFAULTS = {M_TRIM_THRESHOLD: 128 * 1024, M_MMAP_MAX: 65536}


@contextmanager
def keeping_freed_memory(device: torch.device) -> Iterator[None]:
    """For the whole process, where `device` is the CPU and the C library is glibc; afterwards it is given back."""
    libc: Any = ctypes.CDLL(None)
    if device.type != "cpu" or not hasattr(libc, "mallopt") or not hasattr(libc, "malloc_trim"):
        yield
        return
    for option, value in KEEP.items():
        libc.mallopt(option, value)
    try:
        yield
    finally:
        for option, value in DEFAULTS.items():
            libc.mallopt(option, value)
        libc.malloc_trim(0)
