"""How a sandbox is started, and which kind works on this machine.

- ``bubblewrap``: a file system that holds only the interpreter, no network, no other
  process to be seen; the program `bwrap` makes it from namespaces.
- ``landlock``: file rules and a system-call filter that the kernel enforces; nothing to
  install, no namespaces needed, so that it also works inside most containers.
- ``none``: another process with limits, and no protection.

Both real ones put every snippet under the same system-call filter and limits (`inside/`),
so that a verdict does not depend on which it was. Neither needs root.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rlaif.config import Isolation
from rlaif.errors import UserError
from rlaif.execution import inside
from rlaif.execution.inside import landlock, seccomp
from rlaif.execution.inside.runner import Confinement
from rlaif.execution.inside.server import Settings
from rlaif.execution.worker import Launch, Outcome, SandboxError, Worker

_BUBBLEWRAP_WORKSPACE = "/workspace"
_BUBBLEWRAP_INSIDE = "/opt/rlaif"
_TMPFS_SLACK = 1 << 20
"""So that what fills it is over the bound, as elsewhere, before the system refuses it more."""
_SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/localtime", "/etc/alternatives", "/proc/cpuinfo", "/proc/meminfo")
_NETWORK_FILES = (
    "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services", "/etc/protocols",
    "/etc/ssl/certs", "/etc/ca-certificates", "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted",
)  # fmt: skip
"""How names are looked up, and whose certificates are trusted; no keys."""
_WAY_OUT = "set TMPDIR to a directory that can be written to, on a disk that is not full"
_PROBE_TIMEOUT_S = 20.0
_PROBE_MEMORY_MB = 256


@dataclass(frozen=True)
class Contents:
    """What an environment puts into its sandboxes."""

    interpreter: Path = Path(sys.executable)
    """A virtual environment's, or a plain one."""
    preload: tuple[str, ...] = ()
    """Modules that the server imports once."""
    import_paths: tuple[Path, ...] = ()
    """Directories of installed packages, readable inside."""
    readable: tuple[Path, ...] = ()
    """Further directories that are readable inside, at the same path."""
    writable: tuple[Path, ...] = ()
    """Directories that all snippets share and may write to; they stay when a snippet ends."""
    variables: tuple[tuple[str, str], ...] = ()
    """Further environment variables."""
    network: bool = False
    """Whether snippets may open connections, to wherever this machine can; then files may be larger, too."""


@dataclass(frozen=True)
class Limits:
    timeout_s: float
    memory_mb: int
    """Beyond what the interpreter and the preloaded modules take."""
    disk_mb: int = 256
    """Of all that a snippet writes to its directory; a file may have a quarter of it, 64 MiB at most."""


def make_worker(isolation: Isolation, contents: Contents, limits: Limits) -> Worker:
    """A worker whose sandbox starts when it is first used. SandboxError where there is no place for its files."""
    if isolation is Isolation.bubblewrap:
        launch = _bubblewrap(contents, limits)
    else:
        launch = _process(contents, limits, confined=isolation is Isolation.landlock)
    return Worker(launch, limits.timeout_s)


def choose_isolation(wanted: Isolation) -> Isolation:
    """The wanted kind, or for ``auto`` the first that works here. UserError where none does."""
    if wanted is Isolation.none:
        return wanted
    candidates = [Isolation.bubblewrap, Isolation.landlock] if wanted is Isolation.auto else [wanted]
    problems = []
    for candidate in candidates:
        problem = find_problem(candidate)
        if problem is None:
            return candidate
        problems.append(f"{candidate.value}: {problem}")
    raise UserError(
        f"generated code cannot be isolated on this machine ({'; '.join(problems)}); install bubblewrap"
        " (such as `apt-get install bubblewrap`), or set execution.isolation=none to run it unprotected"
    )


def find_problem(isolation: Isolation) -> str | None:
    """Why this kind does not work here; None where it does. Tries it out on a file that must stay hidden."""
    if isolation is Isolation.bubblewrap and shutil.which("bwrap") is None:
        return "bwrap is not installed"
    if not seccomp.is_supported():
        return "the system-call filter is for Linux on x86-64 and aarch64"
    if isolation is Isolation.landlock and landlock.abi() < landlock.MINIMUM_ABI:
        return "the kernel has no Landlock of ABI 3 (Linux 6.2) or later"
    if isolation is Isolation.landlock and not Path("/proc/self/fd").is_dir():
        return "there is no /proc, by which the files are counted that a snippet holds without a name"
    try:
        with tempfile.NamedTemporaryFile(prefix="rlaif-canary-") as canary:
            worker = make_worker(isolation, Contents(), Limits(_PROBE_TIMEOUT_S, _PROBE_MEMORY_MB))
            try:
                return _read_probe(worker.run(_probe(canary.name)))
            finally:
                worker.close()
    except SandboxError as error:
        return str(error)
    except OSError as error:
        return f"no file can be made in the temporary directory ({error}); {_WAY_OUT}"


def _probe(hidden_file: str) -> str:
    return (
        "import socket, time\n"
        "failures = []\n"
        f"try: open({hidden_file!r})\n"
        "except OSError: failures.append('read')\n"
        "try: socket.socket()\n"
        "except OSError: failures.append('socket')\n"
        "assert failures == ['read', 'socket'], f'only {failures} was prevented'\n"
        "time.sleep(0.1)\n"  # until it has been looked at
    )


def _read_probe(outcome: Outcome) -> str | None:
    if outcome.report is not None and outcome.report["passed"]:
        return None
    if outcome.stopped == "disk":
        return "the files that a snippet holds cannot be counted, as /proc hides them"
    return outcome.failure or str((outcome.report or {}).get("message") or f"the probe ended with {outcome}")


def _bubblewrap(contents: Contents, limits: Limits) -> Launch:
    program = shutil.which("bwrap")
    if program is None:
        raise UserError("execution.isolation=bubblewrap, and bwrap is not installed (`apt-get install bubblewrap`)")
    readable = _readable(contents)
    inside_folder = Path(inside.__file__).parent
    command = [program, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    command += ["--hostname", "sandbox"]
    command += ["--share-net"] if contents.network else []
    command += _system_mounts(_system_files(contents))
    # There is no /proc; TensorFlow aborts where it finds neither its executable nor its arguments there.
    command += ["--symlink", os.path.realpath(contents.interpreter), "/proc/self/exe"]
    command += ["--symlink", "/dev/null", "/proc/self/cmdline"]
    command += ["--ro-bind", str(inside_folder), f"{_BUBBLEWRAP_INSIDE}/inside"]
    for path in readable:
        command += ["--ro-bind", str(path), str(path)]
    for path in contents.writable:
        command += ["--bind", str(path), str(path)]
    if _knows_size(program):
        command += ["--size", str((limits.disk_mb << 20) + _TMPFS_SLACK)]
    command += ["--tmpfs", _BUBBLEWRAP_WORKSPACE]
    if not any(path.is_relative_to("/tmp") for path in (*readable, *contents.writable)):
        command += ["--symlink", _BUBBLEWRAP_WORKSPACE, "/tmp"]
    command += ["--remount-ro", "/", "--chdir", _BUBBLEWRAP_WORKSPACE, "--"]
    return Launch(
        command=(*command, *_server(_BUBBLEWRAP_WORKSPACE, contents, limits, landlock_rules=None, filtered=True)),
        environment=_environment(_BUBBLEWRAP_WORKSPACE, _BUBBLEWRAP_INSIDE, contents),
        workspace=None,
    )


def _knows_size(program: str) -> bool:
    """Whether this bubblewrap (0.7 or later) can bound a tmpfs; before it, only the server's own check does."""
    shown = subprocess.run([program, "--help"], env={}, capture_output=True, check=False)
    return b"--size" in shown.stdout + shown.stderr


def _system_files(contents: Contents) -> tuple[str, ...]:
    return _SYSTEM_FILES + (_NETWORK_FILES if contents.network else ())


def _system_mounts(files: Sequence[str]) -> list[str]:
    arguments = ["--ro-bind", "/usr", "/usr"]
    for name in ("/bin", "/sbin", "/lib", "/lib32", "/lib64"):
        path = Path(name)
        if path.is_symlink():
            arguments += ["--symlink", str(path.readlink()), name]
        elif path.is_dir():
            arguments += ["--ro-bind", name, name]
    for name in files:
        arguments += ["--ro-bind-try", name, name]
    for device in landlock.DEVICES:
        arguments += ["--dev-bind", device, device]
    return arguments


def _process(contents: Contents, limits: Limits, confined: bool) -> Launch:
    workspace = _make_workspace()
    rules = None
    if confined:
        system = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", *_system_files(contents)]
        rules = [*system, *map(str, _readable(contents))]
    return Launch(
        command=_server(str(workspace), contents, limits, landlock_rules=rules, filtered=confined),
        environment=_environment(str(workspace), str(Path(inside.__file__).parents[1]), contents),
        workspace=workspace,
    )


def _make_workspace() -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix="rlaif-snippet-")).resolve()
    except OSError as error:
        raise SandboxError(f"no directory for snippets can be made ({error}); {_WAY_OUT}") from None


def _server(
    workspace: str, contents: Contents, limits: Limits, landlock_rules: list[str] | None, filtered: bool
) -> tuple[str, ...]:
    confinement = Confinement(
        workspace=workspace,
        timeout_s=limits.timeout_s,
        memory_bytes=limits.memory_mb << 20,
        landlock=landlock_rules,
        seccomp=filtered,
        writable=[str(path) for path in contents.writable],
        network=contents.network,
        disk_bytes=limits.disk_mb << 20,
    )
    settings = Settings(
        confinement=asdict(confinement),
        preload=list(contents.preload),
        import_paths=[str(path) for path in contents.import_paths],
    )
    # The base interpreter, without site: packages come from import_paths alone.
    interpreter = os.path.realpath(contents.interpreter)
    return (interpreter, "-P", "-s", "-S", "-m", "inside.server", json.dumps(asdict(settings)))


def _environment(workspace: str, import_path: str, contents: Contents) -> dict[str, str]:
    """Every variable that a snippet sees; the trainer's own are not among them."""
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": workspace,
        "TMPDIR": workspace,
        "USER": "snippet",
        "LANG": "C.UTF-8",
        "PYTHONPATH": import_path,
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLBACKEND": "Agg",
        **one_thread,
        **dict(contents.variables),
    }


def _readable(contents: Contents) -> list[Path]:
    """The directories outside the system's that the interpreter and the environment need."""
    wanted: Sequence[Path] = (
        _prefix(contents.interpreter),
        *contents.import_paths,
        *contents.readable,
    )
    kept: list[Path] = []
    for path in sorted(set(wanted), key=lambda path: len(path.parts)):
        if not path.is_relative_to("/usr") and not any(path.is_relative_to(other) for other in kept):
            kept.append(path)
    return kept


def _prefix(interpreter: Path) -> Path:
    """Where the interpreter behind a virtual environment's has its standard library."""
    own = Path(os.path.realpath(sys.executable))
    behind = Path(os.path.realpath(interpreter))
    return Path(os.path.realpath(sys.base_prefix)) if behind == own else behind.parents[1]
