"""What a snippet may take of disks, by whatever it is held: names, descriptors, mappings; in both isolations."""

from __future__ import annotations

import ctypes
import math
import mmap
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rlaif.config import Isolation
from rlaif.execution.classify import classify
from rlaif.execution.inside import disk
from rlaif.execution.inside.disk import DiskUse
from rlaif.execution.inside.usage import Usage
from rlaif.execution.isolation import Contents, Limits, make_worker
from rlaif.execution.verdict import Verdict
from rlaif.execution.worker import Worker

DISK_MB = 8
NUM_FILES = 12
"""Of one MiB each: half as much again as there may be."""

BEGIN = (
    "import importlib, os, tempfile, threading, time\n"
    "mm = importlib.import_module('mm' + 'ap')\n"
    "c = importlib.import_module('c' + 'types')\n"
    "libc = c.CDLL(None)\n"
    "libc.mmap.restype = c.c_void_p\n"
    "def map_only(file, at=0):\n"  # Python's own mapping keeps a copy of the descriptor
    "    assert libc.mmap(None, c.c_size_t(4096), 1, 2, file.fileno(), c.c_long(at)) != c.c_void_p(-1).value\n"
    "    file.close()\n"
    "kept, part = [], bytes(1 << 20)\n"
    "def make(n, mode='w+b'):\n"
    "    file = open(f'{n}', mode, 0)\n    file.write(part)\n    kept.append(file)\n    return file\n"
)
EACH = "for n in range({number}):\n"
WAIT = "time.sleep(0.3)\n"
HOLD = {
    "names": EACH + "    make(n).close()\n",
    "descriptors": EACH + "    make(n)\n    os.remove(f'{{n}}')\n",
    "removed first": EACH
    + "    file = open(f'{{n}}', 'wb', 0)\n    os.remove(f'{{n}}')\n    file.write(part)\n    kept.append(file)\n",
    "replaced": EACH + "    make('same' + str(n))\n    os.rename(f'same{{n}}', 'same')\n",
    "no name ever": EACH
    + "    file = tempfile.TemporaryFile()\n    file.write(part)\n    file.flush()\n    kept.append(file)\n",
    "read only": EACH + "    make(n).close()\n    kept[n] = open(f'{{n}}', 'rb')\n    os.remove(f'{{n}}')\n",
    "set aside": EACH
    + "    file = open(f'{{n}}', 'wb')\n    os.posix_fallocate(file.fileno(), 0, 1 << 20)\n    os.remove(f'{{n}}')\n"
    "    kept.append(file)\n",
    "mappings": EACH
    + "    make(n)\n    os.remove(f'{{n}}')\n    map_only(kept[n])\n",
    "mappings of a part": EACH
    + "    make(n)\n    map_only(kept[n], 8192)\n    os.remove(f'{{n}}')\n",
    "holes that a mapping fills": EACH
    + "    file = open(f'{{n}}', 'w+b')\n    file.truncate(1 << 20)\n    kept.append(mm.mmap(file.fileno(), 1 << 20))\n"
    "    os.remove(f'{{n}}')\n    file.close()\n    kept[n][:] = part\n    time.sleep(0.02)\n",
    "both": EACH
    + "    make(n)\n    os.remove(f'{{n}}')\n    if n % 2: map_only(kept[n])\n",
    "a directory that cannot be listed": "os.mkdir('d', 0o300)\n" + EACH + "    make(f'd/{{n}}').close()\n",
    "another thread": "def run():\n    time.sleep(0.05)\n    for n in range({number}):\n        make(n)\n"
    "        os.remove(f'{{n}}')\n    time.sleep(2)\nthreading.Thread(target=run).start()\nlibc.syscall(EXIT, 0)\n",
}  # fmt: skip
EXIT = {"x86_64": 60, "aarch64": 93}[os.uname().machine]


def program(name: str, number: int) -> str:
    return BEGIN + HOLD[name].replace("EXIT", str(EXIT)).format(number=number) + WAIT


@pytest.fixture(scope="module")
def sandbox(isolation: Isolation) -> Iterator[Worker]:
    sandbox = make_worker(isolation, Contents(), Limits(5.0, memory_mb=512, disk_mb=DISK_MB))
    yield sandbox
    sandbox.close()


@pytest.fixture
def judge(sandbox: Worker) -> Callable[[str], Verdict]:
    return lambda code: classify(sandbox.run(code), {})


@pytest.mark.parametrize("name", [name for name in HOLD if name != "another thread"])
def test_no_more_than_the_bound_is_held(judge: Callable[[str], Verdict], name: str) -> None:
    verdict = judge(program(name, NUM_FILES))
    assert (verdict.status, verdict.kind) == ("inconclusive", "resource"), verdict
    assert judge("import os\nassert os.listdir('.') == ['snippet.py']").status == "pass"


def test_nor_by_another_thread_when_the_first_has_ended(sandbox: Worker) -> None:
    """Which then shows neither descriptors nor mappings. Where the disk is full, the other one ends, too."""
    outcome = sandbox.run(program("another thread", NUM_FILES))
    assert outcome.stopped == "disk" or outcome.exit_code == 0, outcome
    assert outcome.seconds < 1.5
    assert sandbox.run(program("another thread", 3)).seconds > 1.5


@pytest.mark.parametrize(
    "name", [name for name in HOLD if name not in ("another thread", "a directory that cannot be listed")]
)
def test_less_is_no_matter(judge: Callable[[str], Verdict], name: str) -> None:
    assert judge(program(name, 3)).status == "pass"


def test_one_after_the_other_is_no_matter(judge: Callable[[str], Verdict]) -> None:
    """What was given back does not count, and neither do holes, or further names of one file."""
    code = (
        f"for n in range({3 * NUM_FILES}):\n"
        "    make(n)\n    os.remove(f'{n}')\n    kept.pop().close()\n    time.sleep(0.01)\n"
        "for n in range(40): open(f'hole{n}', 'wb').truncate(1 << 20)\n"
        "make('one').close()\nfor n in range(40): os.link('one', f'other{n}')\n"
    )
    assert judge(BEGIN + code + WAIT).status == "pass"


def test_no_descriptor_is_on_its_way(judge: Callable[[str], Verdict]) -> None:
    """In a socket, or in a thread that polls one, it could not be counted."""
    code = "import socket\na, b = socket.socketpair()\nassert a.send(b'x') == 1 and b.recv(1) == b'x'\n"
    send = "socket.send_fds(a, [b'x'], [0])"
    assert judge(code).status == "pass"
    assert judge(code + f"try: {send}\nexcept OSError: pass\nelse: raise LookupError").status == "pass"


def test_no_call_holds_a_file_that_waits_for_something_else(judge: Callable[[str], Verdict]) -> None:
    code = (
        "import shutil, socket\nopen('a', 'w').write('x' * 100_000)\n"
        "a, b = socket.socketpair()\nfile = open('a', 'rb')\n"
        "assert libc.sendfile(a.fileno(), file.fileno(), None, c.c_size_t(9)) == -1\n"
        "ends = (c.c_int * 2)()\nassert libc.pipe(ends) == 0\n"
        "assert libc.splice(file.fileno(), None, ends[1], None, c.c_size_t(9), 0) == -1\n"
        "shutil.copyfile('a', 'b')\nassert open('b').read() == 'x' * 100_000\n"
    )
    assert judge(BEGIN + code).status == "pass"


def test_blocks_are_not_set_aside_past_the_largest_file(judge: Callable[[str], Verdict]) -> None:
    """RLIMIT_FSIZE does not bound them: neither fallocate with KEEP_SIZE nor the older ioctl."""
    code = BEGIN + (
        "import struct\nfcntl = importlib.import_module('fc' + 'ntl')\nfile = make('f')\nlong = c.c_long\n"
        "space = struct.pack('hhqqiI4i', 0, 0, 0, 64 << 20, 0, 0, 0, 0, 0, 0)\n"
        "assert libc.fallocate(file.fileno(), 1, long(0), long(64 << 20)) == -1\n"
        "for request in (0x40305828, 0x4030582A, 0x40305839):\n"
        "    try: fcntl.ioctl(file.fileno(), request, space)\n    except OSError: continue\n"
        "    raise LookupError(request)\n"
        "assert os.stat('f').st_blocks < 1 << 12\n"
    )
    assert judge(code).status == "pass"


def test_shared_directories_may_be_filled_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Caches of downloads, by what is free on their disk."""
    use = DiskUse(str(tmp_path), Usage(os.getpid(), None), lambda _: 0.0, 1, [str(tmp_path)])
    real = os.statvfs(tmp_path)
    for free, free_inodes, is_too_much in ((1.0, 1.0, False), (0.6, 1.0, False), (0.4, 1.0, True), (1.0, 0.4, True)):
        changed = list(real)
        changed[4], changed[6] = int(free * real.f_bavail), int(free_inodes * real.f_ffree)
        monkeypatch.setattr(os, "statvfs", lambda _, changed=changed: os.statvfs_result(changed))
        monkeypatch.setattr(disk, "MAX_SHARED_GROWTH", real.f_bavail * real.f_frsize)
        assert (use.bytes_used() == math.inf) is is_too_much


@pytest.fixture
def child() -> Iterator[int]:
    """A process that holds three files without a name: an open one, a mapped one, and one that is both."""
    ready, go = os.pipe()
    pid = os.fork()
    if pid == 0:
        libc = ctypes.CDLL(None)
        for size, closes, maps in ((1 << 16, False, False), (1 << 17, True, True), (1 << 18, False, True)):
            descriptor = os.open(f"held{size}", os.O_RDWR | os.O_CREAT, 0o600)
            os.write(descriptor, bytes(size))
            os.unlink(f"held{size}")  # noqa: PTH108
            if maps:
                libc.mmap(None, ctypes.c_size_t(4096), mmap.PROT_READ, mmap.MAP_PRIVATE, descriptor, ctypes.c_long(0))
            if closes:
                os.close(descriptor)
        os.write(go, b".")
        signal.pause()
        os._exit(0)
    os.read(ready, 1)
    yield pid
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(ready)
    os.close(go)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
def test_usage_counts_what_is_held_without_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(tmp_path)
    inherited = {path.stat().st_ino for path in Path("/proc/self/fd").iterdir() if path.exists()}
    child = request.getfixturevalue("child")
    processes = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
    usage = Usage(child, processes)
    by_descriptor, by_mapping = usage.unlinked_by_descriptor(), usage.unlinked_by_mapping()
    os.close(processes)
    by_descriptor = {inode: size for inode, size in by_descriptor.items() if inode not in inherited}
    assert sorted(by_descriptor.values()) == [1 << 16, 1 << 18]
    only_mapped = [size for inode, size in by_mapping.items() if inode not in by_descriptor]
    assert only_mapped in ([1 << 17], [None])  # the kernel tells root alone
    assert len(by_mapping) == 2
    assert Usage(child, None).unlinked_by_descriptor() == Usage(child, None).unlinked_by_mapping() == {}
