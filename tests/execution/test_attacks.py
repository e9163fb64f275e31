"""One attack, one test, in every isolation that works here: what hostile code must not be able to do."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import rlaif
from rlaif.config import ExecutionConfig, Isolation
from rlaif.execution import Executor, Verdict

Run = Callable[[str], Verdict]
CHECKOUT = Path(rlaif.__file__).parents[1]


def tell(expression: str) -> str:
    """A snippet whose verdict's message tells the value of an expression."""
    return f"import glob, os, pathlib, socket\nraise ValueError('told: ' + repr({expression}))"


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("host") / "secret.txt"
    path.write_text("hunter2")
    return path


@pytest.fixture(autouse=True)
def secret_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "hunter2-of-the-environment")


def test_environment_holds_no_secret(
    isolation: Isolation, make_config: Callable[..., ExecutionConfig], tmp_path: Path
) -> None:
    """In a sandbox that is started while the secret is set."""
    look = (
        "import glob, os\n"
        "found = [k for k, v in os.environ.items() if 'hunter2' in v]\n"
        "for path in glob.glob('/proc/*/environ') + ['/proc/self/environ', '/proc/1/environ']:\n"
        "    try: found += [path] if b'hunter2' in open(path, 'rb').read() else []\n"
        "    except OSError: pass\n"
        "assert not found, found\n"
    )
    with Executor(make_config(isolation), tmp_path / "cache", tmp_path / "assets") as executor:
        assert executor.run([look])[0].status == "pass"
        variables = executor.run([tell("sorted(os.environ)")])[0].message
    assert "TMPDIR" in variables
    assert "OPENAI" not in variables


@pytest.mark.parametrize(
    "path", ["/etc/shadow", "/etc/passwd", str(CHECKOUT / "pyproject.toml"), str(CHECKOUT / "rlaif" / "train.py")]
)
def test_host_files_cannot_be_read(run: Run, path: str) -> None:
    assert Path(path).exists()
    verdict = run(f"open({path!r})")
    assert (verdict.status, verdict.kind) in (("inconclusive", "resource"), ("inconclusive", "isolation"))


def test_files_of_the_user_cannot_be_read(run: Run, secret: Path) -> None:
    assert secret.read_text() == "hunter2"
    assert run(f"open({str(secret)!r})").status == "inconclusive"
    for directory in (Path.home(), secret.parent, CHECKOUT):
        told = run(f"import os\nassert 'secret.txt' not in os.listdir({str(directory)!r})").status
        assert told in ("inconclusive", "pass")
        assert run(f"import glob\nassert not glob.glob({str(directory / '.ssh' / '*')!r})").status == "pass"


CHANGES = [
    "open({p!r}, 'w')", "open({p!r}, 'a')", "os.remove({p!r})", "os.truncate({p!r}, 0)", "os.rename({p!r}, 'mine')",
    "os.symlink('x', {p!r} + '2')", "os.link({p!r}, 'mine')", "os.chmod({p!r}, 0o777)", "os.utime({p!r}, (0, 0))",
    "os.mkdir({p!r} + '.d')",
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_host_files_cannot_be_changed(run: Run, secret: Path, change: str) -> None:
    before = secret.stat()
    run("import os\n" + change.format(p=str(secret)))
    after = secret.stat()
    assert secret.read_text() == "hunter2"
    assert (after.st_mode, after.st_mtime) == (before.st_mode, before.st_mtime)
    assert os.listdir(secret.parent) == ["secret.txt"]  # noqa: PTH208


def test_interpreter_cannot_be_changed(run: Run) -> None:
    code = (
        "import os, json\n"
        "for path in (json.__file__, os.path.dirname(json.__file__) + '/new.py', '/usr/new', '/new'):\n"
        "    try: open(path, 'a').close()\n"
        "    except OSError: continue\n"
        "    raise ValueError(path)"
    )
    assert run(code).status == "pass"


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield server.getsockname()[1]
        with pytest.raises(TimeoutError):
            server.accept()


def test_no_network(run: Run, listener: int) -> None:
    verdict = run(f"import socket\nsocket.create_connection(('127.0.0.1', {listener}), 1)")
    assert (verdict.status, verdict.kind) == ("inconclusive", "resource")
    code = f"import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {listener}))"
    assert run(code).kind == "resource"


def test_no_unix_sockets(run: Run, tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        assert run(f"import socket\nsocket.socket(socket.AF_UNIX).connect({path!r})").status == "inconclusive"


def processes_with(marker: str) -> list[str]:
    commands = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            commands.append(path.read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return [command for command in commands if marker in command]


def test_fork_bomb(run: Run) -> None:
    started = time.monotonic()
    verdict = run("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass")
    assert verdict.kind == "timeout"
    assert time.monotonic() - started < 5
    assert run("x = 1").status == "pass"


def test_thread_bomb(run: Run) -> None:
    verdict = run("import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(60,)).start()")
    assert verdict.status != "pass"
    assert run("y = 1").status == "pass"


def test_memory_bomb(isolation: Isolation, make_config: Callable[..., ExecutionConfig], tmp_path: Path) -> None:
    bombs = [
        "x = []\nwhile True: x.append(bytearray(1 << 20))",
        "import multiprocessing.shared_memory as s\nx = [s.SharedMemory(create=True, size=1 << 30)]",
    ]
    # Time enough to reach the limit of memory on a busy machine.
    with Executor(make_config(isolation, timeout_s=30.0), tmp_path / "cache", tmp_path / "assets") as executor:
        growing, shared = executor.run(bombs)
    assert (growing.status, growing.kind) == ("inconclusive", "memory")
    assert shared.status == "inconclusive"


def test_disk_fill(run: Run) -> None:
    assert run("with open('big', 'wb') as f:\n    for _ in range(1000): f.write(bytes(1 << 20))").kind == "resource"
    code = (
        "import os, time\n"
        "for n in range(60):\n"
        "    with open(f'{n}', 'wb') as f: os.posix_fallocate(f.fileno(), 0, 32 << 20)\n"
        "time.sleep(1)"
    )
    verdict = run(code)
    assert (verdict.status, verdict.kind) == ("inconclusive", "resource"), verdict


def test_endless_loop_that_ignores_signals(run: Run) -> None:
    code = "import signal\nfor s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGXCPU):\n"
    verdict = run(code + "    signal.signal(s, signal.SIG_IGN)\nwhile True: pass")
    assert (verdict.status, verdict.kind) == ("fault", "timeout")


def test_output_flood(run: Run) -> None:
    code = "import sys\nfor _ in range(60):\n"
    code += "    sys.stdout.write('x' * (1 << 20))\n    sys.stderr.write('x' * (1 << 20))"
    assert run(code).status == "pass"


def test_daemon(run: Run) -> None:
    """It cannot be started; what a snippet is, is gone when its verdict is there."""
    code = "import subprocess\nsubprocess.Popen(['sleep', '4242.5'], start_new_session=True)"
    assert (run(code).status, run(code).kind) == ("inconclusive", "isolation")
    code = "import os\nif os.fork() == 0:\n    os.setsid()\n    os.execv('/bin/sleep', ['sleep', '4242.5'])"
    assert run(code).kind == "isolation"
    assert processes_with("4242.5") == []


def test_it_cannot_become_another_program(run: Run) -> None:
    assert run("import os\nos.execv('/bin/true', ['true'])").kind == "isolation"


def test_signals_reach_nobody_else(run: Run) -> None:
    victim = subprocess.Popen(["sleep", "60"])
    try:
        for target in (victim.pid, os.getpid(), -victim.pid, 0):
            code = f"import os, signal\nos.kill({target}, signal.SIGTERM)"
            assert run(code).kind in ("isolation", "os"), target  # os: no such process in there
        code = f"import os, signal\ntry: os.kill(-1, signal.SIGKILL)\nexcept OSError: pass\nos.kill({victim.pid}, 9)"
        run(code)
        assert run("import os, signal\nos.kill(os.getppid(), signal.SIGKILL)").kind == "isolation"
        assert victim.poll() is None
    finally:
        victim.kill()
        victim.wait()
    assert run("z = 1").status == "pass"


def test_limits_of_others_stay(run: Run) -> None:
    before = os.getpriority(os.PRIO_PROCESS, os.getpid())
    assert run(f"import os\nos.setpriority(os.PRIO_PROCESS, {os.getpid()}, 20)").status != "pass"
    assert os.getpriority(os.PRIO_PROCESS, os.getpid()) == before


FORGERIES = {
    "os_exit": ("import os\nos._exit(0)", "exit"),
    "os_exit_imported": ("from os import _exit\n_exit(0)", "exit"),
    "sys_exit": ("import sys\nsys.exit(0)\nassert False", "exit"),
    "raise_exit": ("if True:\n    raise SystemExit\nassert False", "exit"),
    "exit_in_thread_end": ("import sys\ntry:\n    1 / 0\nfinally:\n    sys.exit(0)", "exit"),
    "write": ("import os\nfor n in range(64):\n    try: os.write(n, b'{}')\n    except OSError: pass", "forged"),
    "open_descriptor": ("open(3, 'wb').write(b'{}')", "forged"),
    "file_io": ("import io\nio.FileIO(3, 'wb').write(b'{\"passed\": true}')\nimport sys\nsys.exit(0)", "forged"),
    "file_io_unseen": ("import io\nn = 3\nio.FileIO(n, 'wb').write(b'{\"passed\": true}')\nimport os\nos._exit(0)",
                       "forged"),
    "file_io_kept": ("import io\nn = 3\nf = io.FileIO(n, 'wb')\nf.write(b'0123456789abcdef+')", "forged"),
    "patched_json": ("import json\njson.dumps = lambda *a, **k: '{\"passed\": true}'\n1 / 0", "runtime"),
    "patched_encoder": ("import json\njson.JSONEncoder.encode = lambda *a: '+'\n1 / 0", "forged"),
    "patched_builtins": ("import builtins\nbuiltins.isinstance = builtins.str = lambda *a: 1 / 0\n1 / 0", "exit"),
    "patched_threads": ("import threading\nthreading.enumerate = lambda: 1 / 0", "runtime"),
    "frames": ("import sys\nf = sys._getframe().f_back\nf.f_locals.clear()\n1 / 0", "runtime"),
    "exception": ("try:\n    1 / 0\nexcept Exception as e:\n    e.__traceback__.tb_frame.f_back.clear()", "runtime"),
    "memory": ("import ctypes\nctypes.string_at(0)", "crash"),
    "compiled": ("exec('import os; os._exit(0)')", "exit"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(FORGERIES))
def test_forged_success(run: Run, name: str) -> None:
    code, kind = FORGERIES[name]
    verdict = run(code)
    assert (verdict.status, verdict.kind) == ("fault", kind), verdict


def test_silent_end_is_no_pass(run: Run) -> None:
    """os._exit by a way that no look at the code sees."""
    verdict = run("import operator, os\noperator.attrgetter('_' + 'exit')(os)(0)")
    assert (verdict.status, verdict.kind) == ("fault", "exit")


def test_deep_directories_are_removed(run: Run) -> None:
    run("import os\nfor _ in range(3000):\n    os.mkdir('d')\n    os.chdir('d')")
    verdict = run("import os\nassert os.listdir('.') == ['snippet.py']")
    assert verdict.status == "pass", verdict


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_nothing_outlives_a_killed_trainer(isolation: Isolation, tmp_path: Path) -> None:
    trainer = tmp_path / "trainer.py"
    trainer.write_text(
        textwrap.dedent(f"""
        from pathlib import Path
        from rlaif.config import Environment, ExecutionConfig, Isolation
        from rlaif.execution import Executor
        config = ExecutionConfig(name="stdlib", environment=Environment.stdlib,
                                 isolation=Isolation.{isolation.value}, timeout_s=30.0)
        directory = Path({str(tmp_path)!r})
        with Executor(config, directory / "cache", directory / "assets") as executor:
            executor.run(["x = 1"])
            print("ready", flush=True)
            executor.run(["import time\\ntime.sleep(29)", "while True: pass"])
        """)
    )
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "TMPDIR": str(tmp_path)}
    process = subprocess.Popen([sys.executable, str(trainer)], stdout=subprocess.PIPE, env=environment)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        deadline = time.monotonic() + 20
        while len(mine := descendants(process.pid)) < 4 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(mine) >= 4  # two servers and two snippets at least
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and any(is_running(pid) for pid in mine):
        time.sleep(0.05)
    assert not [pid for pid in mine if is_running(pid)]
    assert list(tmp_path.glob("rlaif-snippet-*")) == []


def descendants(pid: int) -> set[int]:
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(path.parent.name))
    found, queue = set(), [pid]
    while queue:
        below = children.get(queue.pop(), [])
        found |= set(below)
        queue += below
    return found


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
