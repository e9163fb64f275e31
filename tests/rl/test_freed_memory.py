"""Freed memory is kept inside, and given back afterwards, as the kernel counts it."""

from __future__ import annotations

import ctypes
import resource
import subprocess
import sys

import pytest

PASSES = 20
MEBIBYTES = 64

SCRIPT = f"""
import resource, torch
from rlaif.rl.freed_memory import keeping_freed_memory

def faults():
    start = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range({PASSES}):
        torch.ones({MEBIBYTES} * 2**20 // 4)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - start

def resident():
    return int(open("/proc/self/statm").read().split()[1])

before = faults()
with keeping_freed_memory(torch.device("cpu")):
    kept, held = faults(), resident()
print(before, kept, held - resident())
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="the C library is not glibc")
def test_a_pass_takes_the_memory_of_the_last_one() -> None:
    """In a process of its own, whose allocations are these alone."""
    found = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True).stdout
    before, kept, given_back = map(int, found.split())
    pages = MEBIBYTES * 2**20 // resource.getpagesize()
    assert before > 0.9 * PASSES * pages
    assert kept < 0.5 * before
    assert given_back > 0.9 * pages
