"""More attacks, one a test: the kernel's side doors, the report's channel, and what a snippet leaves behind."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rlaif.config import ExecutionConfig, Isolation
from rlaif.execution import Executor, Verdict
from rlaif.execution.inside import seccomp
from rlaif.execution.isolation import Contents, Limits, make_worker

Run = Callable[[str], Verdict]

LIBC = "import ctypes, os, signal\nlibc = ctypes.CDLL(None, use_errno=True)\n"
COLUMN = {"x86_64": 0, "aarch64": 1}.get(platform.machine(), 0)


@pytest.fixture(autouse=True)
def still_alive(run: Run) -> None:
    """Whatever a test did, the sandbox serves the next one: see the end of this file for after the last."""
    assert run("x = 'before'").status == "pass"


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A directory of the host's with a file in it."""
    directory = tmp_path / "host"
    directory.mkdir()
    (directory / "secret.txt").write_text("hunter2")
    return directory


def unchanged(directory: Path) -> bool:
    return [path.name for path in directory.iterdir()] == ["secret.txt"] and (
        directory / "secret.txt"
    ).read_text() == "hunter2"


# Links


def test_symlink_out_of_the_workspace_is_not_followed(run: Run, victim: Path) -> None:
    code = f"import os\nos.symlink({str(victim / 'secret.txt')!r}, 'l')\n"
    assert run(code + "print(open('l').read())").status == "inconclusive"
    assert run(code + "open('l', 'w').write('x')").status in ("inconclusive", "pass")
    assert unchanged(victim)


def test_symlink_to_a_directory_is_not_cleared_through(run: Run, victim: Path) -> None:
    code = f"import os\nos.symlink({str(victim)!r}, 'd')\nos.mkdir('e')\nos.symlink('/', 'e/root')"
    assert run(code).status == "pass"
    assert unchanged(victim)
    assert run("import os\nassert os.listdir('.') == ['snippet.py']").status == "pass"


def test_symlink_in_place_of_the_next_snippet(run: Run, victim: Path) -> None:
    """The server writes the next snippet's file; it must not write through a link that the last one left."""
    code = f"import os\nos.remove('snippet.py')\nos.symlink({str(victim / 'secret.txt')!r}, 'snippet.py')"
    assert run(code).status == "pass"
    assert run("y = 2").status == "pass"
    assert unchanged(victim)


# /proc


PROC = {
    "own_memory": "open('/proc/self/mem', 'r+b')",
    "servers_memory": "open(f'/proc/{os.getppid()}/mem', 'r+b')",
    "root_of_another": "open('/proc/1/root/etc/passwd')",
    "servers_root": "open(f'/proc/{os.getppid()}/root/etc/passwd')",
    "servers_environment": "open(f'/proc/{os.getppid()}/environ')",
    "servers_command": "open(f'/proc/{os.getppid()}/cmdline')",
    "servers_descriptors": "os.listdir(f'/proc/{os.getppid()}/fd')",
    "own_descriptors": "open('/proc/self/fd/3', 'wb')",
    "descriptor_device": "open('/dev/fd/3', 'wb')",
    "own_limits": "open('/proc/self/oom_score_adj', 'w').write('-1000')",
    "kernel_settings": "open('/proc/sys/kernel/core_pattern', 'w')",
    "kernel_symbols": "open('/proc/kallsyms')",
    "sysrq": "open('/proc/sysrq-trigger', 'w')",
    "control_groups": "os.mkdir('/sys/fs/cgroup/mine')",
}


@pytest.mark.parametrize("name", list(PROC))
def test_proc(run: Run, name: str) -> None:
    verdict = run(f"import os\n{PROC[name]}")
    assert verdict.status in ("inconclusive", "fault"), verdict
    assert verdict.kind in ("resource", "isolation", "forged", "os"), verdict


def test_memory_of_the_server_by_system_call(run: Run) -> None:
    code = LIBC + (
        "class V(ctypes.Structure): _fields_ = [('base', ctypes.c_void_p), ('length', ctypes.c_size_t)]\n"
        "mine = ctypes.create_string_buffer(8)\n"
        "v = V(ctypes.addressof(mine), 8)\n"
        "for f in (libc.process_vm_readv, libc.process_vm_writev):\n"
        "    n = f(os.getppid(), ctypes.byref(v), 1, ctypes.byref(v), 1, 0)\n"
        "    assert n == -1 and ctypes.get_errno() == 1, (n, ctypes.get_errno())"
    )
    assert run(code).status == "pass"


# System calls


CALLS = [
    "ptrace", "io_uring_setup", "userfaultfd", "memfd_create", "memfd_secret", "unshare", "setns", "mount", "umount2",
    "chroot", "pivot_root", "open_tree", "fsopen", "bpf", "perf_event_open", "keyctl", "add_key", "pidfd_open",
    "pidfd_getfd", "pidfd_send_signal", "open_by_handle_at", "name_to_handle_at", "shmget", "msgget", "mq_open",
    "fanotify_init", "personality", "execve", "execveat", "fork", "vfork", "kexec_load", "init_module", "reboot",
    "settimeofday", "swapon", "syslog", "mknodat", "process_madvise", "kcmp", "inotify_init", "inotify_init1",
    "inotify_add_watch", "listmount", "statmount", "quotactl_fd", "io_setup", "sendfile", "splice", "tee", "vmsplice",
]  # fmt: skip


@pytest.mark.skipif(not seccomp.is_supported(), reason="the system-call filter is for Linux on x86-64 and aarch64")
@pytest.mark.parametrize("name", CALLS)
def test_system_call(run: Run, name: str) -> None:
    number = seccomp._FORBIDDEN[name][COLUMN]
    if number is None:
        pytest.skip(f"this machine has no {name}")
    code = f"result = libc.syscall({number}, 0, 0, 0, 0, 0, 0)\n"
    check = "assert (result, ctypes.get_errno()) == (-1, 1), (result, ctypes.get_errno())"
    assert run(LIBC + code + check).status == "pass"


def test_double_fork_daemon(run: Run) -> None:
    """By the C library, by clone and by clone3: none leaves a process."""
    code = LIBC + (
        "assert libc.fork() == -1 and libc.vfork() == -1\n"
        f"assert libc.syscall({(56, 220)[COLUMN]}, 17, 0, 0, 0, 0) == -1\n"
        "assert libc.syscall(435, 0, 0) == -1\n"
        "assert libc.system(b'sleep 4343.5 &') in (-1, 32512)\n"
    )
    assert run(code).status == "pass"
    assert not [path for path in Path("/proc").glob("[0-9]*/cmdline") if "4343.5" in _read(path)]


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return ""


# What Landlock does not guard: it rules over opening files, and leaves what is told of them


def test_events_name_no_file_of_the_host(run: Run, victim: Path) -> None:
    code = LIBC + (
        "import time\n"
        "watch = libc.inotify_init1(0o4000)\n"  # IN_NONBLOCK
        f"added = libc.inotify_add_watch(watch, {str(victim).encode()!r}, 0xFFF)\n"
        "try: open('/nowhere')\nexcept OSError: pass\n"
        "time.sleep(0.3)\n"
        "seen = ctypes.create_string_buffer(4096)\n"
        "if watch >= 0: libc.read(watch, seen, 4096)\n"
        "raise ValueError('told: ' + repr(seen.raw.strip(b'\\0')))"
    )
    toucher = threading.Timer(0.15, (victim / "secret.txt").read_text)
    toucher.start()
    verdict = run(code)
    toucher.join()
    assert "told: b''" in verdict.message, verdict


ATTRIBUTES = (
    "os.listxattr({p!r})", "os.getxattr({p!r}, 'user.origin')",
    "os.listxattr({p!r}, follow_symlinks=False)", "os.getxattr({p!r}, 'user.origin', follow_symlinks=False)",
)  # fmt: skip


@pytest.mark.parametrize("look", ATTRIBUTES)
def test_attributes_of_host_files_stay_apart(run: Run, victim: Path, look: str) -> None:
    path = victim / "secret.txt"
    try:
        os.setxattr(path, "user.origin", b"hunter2")
    except OSError:
        pytest.skip("no extended attributes here")
    verdict = run(f"import os\nraise ValueError('told: ' + repr({look.format(p=str(path))}))")
    assert (verdict.status, "told" in verdict.message) == ("inconclusive", False), verdict
    assert run("import shutil\nopen('a', 'w').close()\nshutil.copy2('a', 'b')").status == "pass"


ABOUT_OTHERS = (
    "os.getpgid({p})", "os.getsid({p})", "os.getpriority(os.PRIO_PROCESS, {p})", "os.sched_getaffinity({p})",
    "os.sched_getscheduler({p})", "os.sched_getparam({p})", "os.sched_rr_get_interval({p})",
    "time.clock_gettime(~{p} << 3 | 2)", "time.clock_getres(~{p} << 3 | 2)",
)  # fmt: skip


@pytest.mark.parametrize("look", ABOUT_OTHERS)
def test_calls_tell_nothing_of_other_processes(run: Run, look: str) -> None:
    """The same of one that is there and of one that is not; all of its own."""
    code = "import os, time\ntry: told = {look}\nexcept OSError as error: told = error.errno\nraise ValueError(told)"
    there, gone = (run(code.format(look=look.format(p=pid))).message for pid in (os.getpid(), 2**22 - 3))
    assert there == gone
    for own in ("0", "os.getpid()"):
        assert run(f"import os, time\n{look.format(p=own)}").status == "pass"


def test_clocks_of_threads_still_go(run: Run) -> None:
    code = (
        "import threading, time\n"
        "def work():\n    for _ in range(10 ** 5): pass\n"
        "    assert time.clock_gettime(time.pthread_getcpuclockid(threading.get_ident())) > 0\n"
        "work()\nthreading.Thread(target=work).start()\n"
    )
    assert run(code).status == "pass"


def test_it_can_always_be_looked_at(run: Run) -> None:
    """A process that is not dumpable hides its descriptors and its place from an ordinary user."""
    assert run(LIBC + "assert libc.prctl(4, 0, 0, 0, 0) == -1\nassert libc.prctl(3, 0, 0, 0, 0) == 1").status == "pass"


def test_a_thread_shares_its_descriptors(run: Run) -> None:
    """One that has descriptors of its own could hold files that nobody counts."""
    flags = 0x100 | 0x200 | 0x800 | 0x10000  # CLONE_VM, CLONE_FS, CLONE_SIGHAND, CLONE_THREAD, without CLONE_FILES
    number = (56, 220)[COLUMN]
    code = f"assert (libc.syscall({number}, {flags}, 0, 0, 0, 0), ctypes.get_errno()) == (-1, 1)"
    assert run(LIBC + code).status == "pass"


# Signals


@pytest.mark.parametrize("number", ["SIGSTOP", "SIGKILL", "SIGINT", "SIGCHLD", "SIGPIPE", "SIGCONT"])
def test_signal_to_the_server(run: Run, number: str) -> None:
    code = f"import os, signal\nfor target in (os.getppid(), 0, -1):\n    try: os.kill(target, signal.{number})\n"
    assert run(code + "    except OSError: continue\n    raise ValueError(target)").status == "pass"
    assert run("z = 3").status == "pass"


def test_stopping_itself(run: Run) -> None:
    verdict = run("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)")
    assert (verdict.status, verdict.kind) == ("fault", "timeout")


def test_killing_itself_is_no_lack_of_memory(run: Run) -> None:
    for kill in ("os.kill(os.getpid(), 9)", "signal.raise_signal(9)", "signal.pthread_kill(threading.get_ident(), 9)"):
        verdict = run(f"import os, signal, threading\n{kill}")
        assert verdict.status == "fault", (kill, verdict)


def test_outliving_by_another_session(run: Run) -> None:
    code = LIBC + "try: os.setsid()\nexcept OSError: pass\nlibc.prctl(1, 0, 0, 0, 0)\nwhile True: pass"
    started = time.monotonic()
    assert run(code).kind == "timeout"
    assert time.monotonic() - started < 10  # a busy machine gives more time


def test_handler_that_fires_in_the_runner(run: Run) -> None:
    """A timer of the snippet's goes off after its end, in the frames that write the report."""
    for delay in ("1e-6", "1e-5", "1e-4", "3e-4"):
        code = (
            "import signal\n"
            "def handler(number, frame):\n    raise SystemExit(0)\n"
            f"signal.signal(signal.SIGALRM, handler)\nsignal.setitimer(signal.ITIMER_REAL, {delay}, {delay})\n1 / 0"
        )
        assert run(code).status == "fault"


# Using things up


def test_inodes(run: Run) -> None:
    """Empty files take no space; their number is bounded too."""
    verdict = run("n = 0\nwhile True:\n    open(f'f{n}', 'w').close()\n    n += 1")
    assert verdict.kind in ("resource", "timeout"), verdict  # the latter on a machine too slow to make so many
    assert run("import os\nassert os.listdir('.') == ['snippet.py']").status == "pass"


def test_directories_deeper_than_a_recursion_goes(run: Run) -> None:
    """While the server measures them."""
    verdict = run("import os, time\nfor _ in range(1500):\n    os.mkdir('d')\n    os.chdir('d')\ntime.sleep(0.3)")
    assert verdict.kind != "isolation", verdict
    assert run("import os\nassert os.listdir('.') == ['snippet.py']").status == "pass"


def test_descriptors(run: Run) -> None:
    verdict = run("kept = []\nwhile True: kept.append(open('/dev/null'))")
    assert (verdict.status, verdict.kind) == ("inconclusive", "resource")


def test_memory_through_a_memory_file(run: Run) -> None:
    verdict = run("import os\nf = os.memfd_create('x')\nos.truncate(f, 1 << 34)")
    assert (verdict.status, verdict.kind) == ("inconclusive", "isolation")


def test_memory_through_mappings(run: Run) -> None:
    code = "import mmap as m\nkept = []\n"
    assert run(code + "while True: kept.append(m.mmap(-1, 1 << 24))").status == "inconclusive"


def test_memory_that_is_unmapped_in_part(run: Run) -> None:
    """Of a shared mapping all of it stays taken, while hardly any counts against the limit."""
    code = "import importlib\nm = importlib.import_module('mm' + 'ap')\n"
    shrink = (
        "kept = []\nfor _ in range(8):\n    kept.append(m.mmap(-1, 48 << 20))\n"
        "    kept[-1].resize(4096)\nassert all(len(one) == 4096 for one in kept)\n"
    )
    assert run(code + shrink).status == "pass"  # as memory of its own
    shared = "assert libc.mmap(None, ctypes.c_size_t(4096), 3, 0x21, -1, ctypes.c_long(0)) in (-1, 2 ** 64 - 1)"
    assert run(LIBC + "libc.mmap.restype = ctypes.c_void_p\n" + shared).status == "pass"
    assert run(code + "m.mmap(open('/dev/zero', 'r+b').fileno(), 4096)").status == "inconclusive"


def test_anonymous_mappings_of_python_work(run: Run) -> None:
    code = (
        "import importlib\nm = importlib.import_module('mm' + 'ap')\n"
        "for arguments in ({}, {'flags': m.MAP_SHARED}, {'flags': m.MAP_PRIVATE}, {'access': m.ACCESS_WRITE},\n"
        "                  {'prot': m.PROT_READ | m.PROT_WRITE}):\n"
        "    with m.mmap(-1, 4096, **arguments) as one:\n"
        "        one[:3] = b'abc'\n        one.resize(8192)\n        assert (one[:4], len(one)) == (b'abc\\0', 8192)\n"
        "read = m.mmap(-1, 4096, access=m.ACCESS_READ)\nassert read[:2] == b'\\0\\0'\n"
        "try: read[0] = 1\nexcept TypeError: pass\nelse: raise LookupError\n"
        "with open('f', 'w+b') as file:\n"
        "    file.truncate(4096)\n    shared = m.mmap(file.fileno(), 4096)\n"
        "    shared[:3] = b'xyz'\n    shared.flush()\n"
        "assert open('f', 'rb').read(3) == b'xyz' and type(shared) is m.mmap\n"
    )
    assert run(code).status == "pass"


def test_shared_mapping_of_a_sparse_file(run: Run) -> None:
    code = (
        "import time, mmap as m\nkept = []\n"
        "for n in range(9):\n"
        "    f = open(f'{n}', 'w+b')\n    f.truncate(60 << 20)\n    kept.append(m.mmap(f.fileno(), 60 << 20))\n"
        "    for at in range(0, 60 << 20, 4096): kept[-1][at] = 1\n"
        "time.sleep(1)"
    )
    assert run(code).status in ("inconclusive", "fault")  # it is too much, too slow, or kills it (SIGBUS)


def test_higher_limits(run: Run) -> None:
    code = (
        "import resource as r\n"
        "for kind in (r.RLIMIT_AS, r.RLIMIT_CPU, r.RLIMIT_FSIZE, r.RLIMIT_NOFILE, r.RLIMIT_CORE):\n"
        "    try: r.setrlimit(kind, (r.RLIM_INFINITY, r.RLIM_INFINITY))\n"
        "    except (ValueError, OSError): continue\n"
        "    raise LookupError(kind)"
    )
    assert run(code).status == "pass"


def test_limits_of_the_server(run: Run) -> None:
    code = (
        "import os, resource as r\n"
        "try: r.prlimit(os.getppid(), r.RLIMIT_CPU, (1, 1))\nexcept OSError: pass\nelse: raise LookupError"
    )
    assert run(code).status == "pass"


def test_deep_recursion(run: Run) -> None:
    verdict = run("import sys\nsys.setrecursionlimit(10 ** 8)\ndef f(n): return [f(n + 1)]\nrepr(f(0))")
    assert verdict.status != "pass"
    verdict = run("x = []\nfor _ in range(10 ** 6): x = [x]\nraise ValueError(x)")
    assert verdict.status == "fault", verdict


def test_endless_text_of_an_exception(run: Run) -> None:
    verdict = run("class E(Exception):\n    def __str__(self):\n        while True: pass\nraise E")
    assert (verdict.status, verdict.kind) == ("fault", "timeout")
    verdict = run("raise ValueError('x' * (200 << 20))")
    assert verdict.status == "fault"
    assert len(verdict.message) <= 200


# What it leaves behind


def test_directories_that_nobody_may_enter(run: Run) -> None:
    code = "import os\nos.umask(0o777)\nos.mkdir('d')\nos.umask(0)\nopen('f', 'w').close()\nos.umask(0o777)"
    assert run(code).status == "pass"
    assert run("import os\nassert os.listdir('.') == ['snippet.py']").status == "pass"
    assert run("open('g', 'w').close()\nopen('g')").status == "pass"


def test_names_that_are_no_text(run: Run) -> None:
    code = "for name in (b'\\xff\\xfe', b'a\\nb', b'-rf', b'x' * 255): open(name, 'w').close()"
    assert run(code).status == "pass"
    assert run("import os\nassert os.listdir('.') == ['snippet.py']").status == "pass"


def test_its_own_workspace_stays(run: Run) -> None:
    code = (
        "import os, shutil\nhere = os.getcwd()\n"
        "for change in (lambda: os.rmdir(here), lambda: os.rename(here, here + 'x'), lambda: shutil.rmtree(here)):\n"
        "    try: change()\n    except OSError: continue\n    assert os.path.isdir(here)"
    )
    assert run(code).status in ("pass", "fault")
    assert run("open('again', 'w').close()").status == "pass"


def test_named_pipe_in_place_of_a_file(run: Run) -> None:
    """One that the server opened would hang it."""
    assert run("import os\nos.remove('snippet.py')\nos.mkfifo('snippet.py')").kind == "isolation"
    assert run("w = 1").status == "pass"


def test_hub_files_cannot_be_poisoned(isolation: Isolation, victim: Path) -> None:
    """Files that are laid out for every snippet to read."""
    worker = make_worker(isolation, Contents(readable=(victim,)), Limits(1.5, 256))
    changes = ["open(p, 'w')", "open(p, 'r+b')", "os.remove(p)", "os.rename(p, p + '2')", "os.truncate(p, 0)",
               "os.link('snippet.py', d + '/new')", "os.chmod(p, 0o666)", "os.symlink('x', d + '/new')"]  # fmt: skip
    try:
        outcome = worker.run(f"assert open({str(victim / 'secret.txt')!r}).read() == 'hunter2'")
        assert (outcome.report or {}).get("passed"), outcome
        for change in changes:
            worker.run(f"import os\np, d = {str(victim / 'secret.txt')!r}, {str(victim)!r}\n{change}")
            assert unchanged(victim), change
    finally:
        worker.close()


def test_files_of_a_snippet_beside_it(
    isolation: Isolation, make_config: Callable[..., ExecutionConfig], tmp_path: Path
) -> None:
    """Two sandboxes at once: neither finds what the other has written."""
    write = "import time\nopen('mine.txt', 'w').write('hunter2')\ntime.sleep(1)"
    look = (
        "import glob, os, time\ntime.sleep(0.5)\n"
        "places = [os.path.dirname(os.getcwd()), '/tmp', '/var/tmp', '/workspace']\n"
        "assert not [f for p in places for inner in ('', '/*') for f in glob.glob(p + inner + '/mine.txt')]"
    )
    with Executor(make_config(isolation, timeout_s=5.0), tmp_path / "cache", tmp_path / "assets") as executor:
        assert [verdict.status for verdict in executor.run([write, look])] == ["pass", "pass"]


# Sockets


def test_datagram_to_a_socket_of_the_host(run: Run, tmp_path: Path) -> None:
    """socketpair gives a socket without `socket`; a datagram one could be pointed elsewhere."""
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(path)
        server.settimeout(0.2)
        for send in (f"a.sendto(b'x', {path!r})", f"a.connect({path!r})\na.send(b'x')"):
            run(f"import socket\na, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\n{send}")
        with pytest.raises(TimeoutError):
            server.recv(1)


def test_abstract_socket_of_the_host(run: Run) -> None:
    name = f"\0rlaif-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(name)
        server.settimeout(0.2)
        run(f"import socket\na, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\na.sendto(b'x', {name!r})")
        assert run(f"import socket\nsocket.socket(socket.AF_UNIX).connect({name!r})").status == "inconclusive"
        with pytest.raises(TimeoutError):
            server.recv(1)


def test_listening(run: Run) -> None:
    code = "import socket\na, b = socket.socketpair()\na.bind('x')"
    assert run(code).status != "pass"
    assert run("import socket\nsocket.create_server(('', 0))").kind == "resource"


# The report


REPORTS = {
    "flood": ("import io\nf = io.FileIO(n, 'wb')\nwhile True: f.write(b'x' * (1 << 20))", ("timeout",)),
    "drip": ("import io, time\nf = io.FileIO(n, 'wb')\nwhile True:\n    f.write(b'x')\n    time.sleep(0.01)",
             ("timeout",)),
    "flood_and_end": ("import io\nio.FileIO(n, 'wb').write(b'+' * (1 << 20))", ("forged", "exit", "os")),
    "pickle": ("import io, pickle\nclass P:\n    def __reduce__(self): return (open, ('pwned', 'w'))\n"
               "io.FileIO(n, 'wb').write(pickle.dumps(P()))", ("forged",)),
    "deep_json": ("import io\nf = io.FileIO(n, 'wb')\nf.write(b'[' * 60000)\nf.close()", ("forged", "os", "exit")),
    "closed": ("import io\nio.FileIO(n, 'wb').close()", ("exit", "os")),
    "closed_and_taken": ("import io\nio.FileIO(n, 'wb').close()\nf = open('mine', 'wb')\nassert f.fileno() == 3",
                         ("exit", "os", "runtime")),
    "at_exit": ("import atexit, sys\natexit.register(lambda: print('x'))\natexit.register(sys.exit, 0)\n1 / 0",
                ("runtime",)),
    "replaced_exceptions": ("import builtins\nbuiltins.BaseException = KeyError\n1 / 0", ("runtime", "exit")),
    "replaced_import": ("import builtins\nbuiltins.__import__ = lambda *a: 1 / 0\nimport json", ("runtime", "forged")),
    "replaced_modules": ("import os, threading\nos.getpid = threading.enumerate = lambda *a: []\n1 / 0", ("runtime",)),
    "replaced_descriptors": ("import types\nimport json.encoder\njson.encoder.c_make_encoder = None\n"
                             "json.encoder.JSONEncoder.iterencode = lambda *a, **k: iter('+')\n1 / 0",
                             ("runtime", "forged")),
    "trace": ("import sys\nsys.settrace(print)\n1 / 0", ("runtime",)),
    "builtins_attribute": ("import builtins\nbuiltins.exec('1 / 0')", ("runtime",)),
    "builtin_by_another_name": ("run = exec\nrun('1 / 0')", ("runtime",)),
    "imported_by_function": ("import importlib\nimportlib.import_module('gc').get_objects().clear()\n1 / 0",
                             ("runtime",)),
    "imported_from_builtins": ("from builtins import eval as e\ne('1 / 0')", ("runtime",)),
    "finalizer": ("class D:\n    def __del__(self): raise SystemExit(0)\nd = D()\n1 / 0", ("runtime",)),
}  # fmt: skip


@pytest.mark.parametrize("name", list(REPORTS))
def test_report(run: Run, name: str) -> None:
    code, kinds = REPORTS[name]
    verdict = run("n = 3\n" + code)
    assert verdict.status == "fault", verdict
    assert verdict.kind in kinds, verdict
    assert not Path("pwned").exists()
    assert run("v = 4").status == "pass"


def test_swapped_report_descriptor(run: Run) -> None:
    """A copy of the report's pipe, and in its place a socket from which a thread learns the nonce."""
    code = (
        "import io, socket, sys, threading, time\n"
        "a, b = socket.socketpair()\n"
        "socket.send_fds(a, [b'x'], [3])\n"
        "real = socket.recv_fds(b, 1, 1)[1][0]\n"
        "io.FileIO(3, 'wb').close()\n"
        "c, d = socket.socketpair()\n"
        "assert 3 in (c.fileno(), d.fileno()), 'not replaced'\n"
        "mine, other = (c, d) if c.fileno() == 3 else (d, c)\n"
        "mine.setblocking(False)\n"
        "try:\n    while True: mine.send(b'x' * 4096)\nexcept BlockingIOError: pass\n"
        "mine.setblocking(True)\n"
        "def forge():\n"
        "    seen = b''\n"
        "    while True:\n"
        "        seen = (seen + other.recv(1 << 16))[-4096:]\n"
        "        if seen.strip(b'x'):\n"
        "            nonce = seen[seen.rindex(b'x') + 1:][:16]\n"
        "            io.FileIO(real, 'wb').write(nonce + b'+')\n"
        "sys.setswitchinterval(100)\n"
        "threading.Thread(target=forge, daemon=True).start()\n"
        "1 / 0\n"
    )
    for _ in range(5):
        assert run(code).status == "fault"


def test_all_descriptors_closed(run: Run) -> None:
    verdict = run(LIBC + "for n in range(64): libc.close(n)\nlibc.syscall(436, 0, 4096, 0)")
    assert verdict.status in ("pass", "fault")
    assert verdict.kind in ("", "exit")
    assert run("u = 5").status == "pass"


def test_the_server_is_the_same_after_all_of_it(executor: Executor, run: Run) -> None:
    assert run("t = 6").status == "pass"
    alive = [worker._process for worker in executor._workers]
    assert all(process is not None and process.poll() is None for process in alive)
    assert subprocess.run(["true"], check=False).returncode == 0
