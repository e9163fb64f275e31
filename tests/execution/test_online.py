"""Level online: the network, by choice and with a warning; files and secrets stay apart as ever."""

from __future__ import annotations

import http.server
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rlaif.config import ExecutionConfig, Isolation, Level
from rlaif.execution import Executor, Verdict

MakeConfig = Callable[..., ExecutionConfig]
Run = Callable[[str], Verdict]


class _Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"real weights")

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/model.bin"
        server.shutdown()
        thread.join()


@pytest.fixture
def online(isolation: Isolation, make_config: MakeConfig, tmp_path: Path) -> Iterator[Run]:
    config = make_config(isolation, level=Level.online, timeout_s=5.0, num_workers=1)
    with Executor(config, tmp_path / "cache", tmp_path / "assets") as executor, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield lambda code: executor.run([code])[0]


def fetch(url: str) -> str:
    return f"import urllib.request\nassert urllib.request.urlopen({url!r}).read() == b'real weights'\n"


def test_the_network_is_there_only_at_level_online(online: Run, run: Run, server: str) -> None:
    assert online(fetch(server)).status == "pass"
    offline = run(fetch(server))
    assert (offline.status, offline.kind) == ("inconclusive", "resource")


def test_it_warns_once(make_config: MakeConfig, some_isolation: Isolation, tmp_path: Path) -> None:
    config = make_config(some_isolation, level=Level.online, num_workers=1)
    with (
        Executor(config, tmp_path / "cache", tmp_path / "assets") as executor,
        pytest.warns(UserWarning, match=r"execution\.level=online: .* with your network") as caught,
    ):
        executor.run(["x = 1"])
        executor.run(["x = 2"])
    assert len(caught) == 1


def test_what_is_fetched_stays_for_the_next_snippet(online: Run, server: str, tmp_path: Path) -> None:
    path = "os.path.join(os.environ['HF_HOME'], 'hub', 'model.bin')"
    keep = f"os.makedirs(os.path.dirname({path}))\nopen({path}, 'wb').write(urllib.request.urlopen({server!r}).read())"
    assert online(f"import os, urllib.request\n{keep}").status == "pass"
    assert online(f"import os\nassert open({path}, 'rb').read() == b'real weights'").status == "pass"
    kept = tmp_path / "assets" / "online-stdlib" / "huggingface" / "hub" / "model.bin"
    assert kept.read_bytes() == b"real weights"


def test_large_files_can_be_fetched(online: Run, run: Run) -> None:
    write = "import os\nopen('model.bin', 'wb').truncate(1 << 30)\nassert os.stat('model.bin').st_size == 1 << 30"
    assert online(write).status == "pass"
    assert run(write).status != "pass"


def test_files_and_secrets_stay_apart(online: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("hunter2")
    for code in (
        f"open({str(secret)!r})",
        f"open({str(tmp_path / 'new.txt')!r}, 'w')",
        f"open({str(tmp_path / 'assets' / 'new.txt')!r}, 'w')",
        f"open({str(tmp_path / 'cache' / 'verdicts.jsonl')!r}, 'a')",
        f"open({str(Path.home() / '.netrc')!r})",
        "open('/etc/shadow')",
        "open('/etc/passwd', 'a')",
    ):
        verdict = online(code)
        assert verdict.status == "inconclusive", code
    assert secret.read_text() == "hunter2"
    assert sorted(path.name for path in (tmp_path / "assets").iterdir()) == ["online-stdlib"]


def test_variables_stay_apart(
    isolation: Isolation, make_config: MakeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hunter2")
    config = make_config(isolation, level=Level.online, num_workers=1)
    with Executor(config, tmp_path / "cache", tmp_path / "assets") as executor, pytest.warns(UserWarning):
        told = executor.run(["import os\nraise ValueError(sorted(os.environ))"])[0].message
    assert "HF_HOME" in told
    assert "HF_TOKEN" not in told


@pytest.mark.parametrize(
    ("family", "kind"), [("UNIX", "STREAM"), ("NETLINK", "RAW"), ("PACKET", "RAW"), ("INET", "RAW")]
)
def test_only_internet_sockets(online: Run, family: str, kind: str) -> None:
    """Sockets of the file system lead to this machine's services, such as a container's or a desktop's."""
    assert online(f"import socket\nsocket.socket(socket.AF_{family}, socket.SOCK_{kind})").status != "pass"
    assert online("import socket\nsocket.socket(socket.AF_INET6).close()").status == "pass"


def test_processes_stay_forbidden(online: Run) -> None:
    assert online("import os\nos.fork()").status != "pass"
    assert online("import subprocess\nsubprocess.run(['true'])").status != "pass"
    assert online("import os\nos.kill(os.getppid(), 9)").status != "pass"


def test_verdicts_of_the_levels_are_kept_apart(
    make_config: MakeConfig, some_isolation: Isolation, tmp_path: Path
) -> None:
    directories = (tmp_path / "cache", tmp_path / "assets")
    with Executor(make_config(some_isolation), *directories) as executor:
        executor.run(["x = 1"])
    with Executor(make_config(some_isolation, level=Level.online), *directories) as executor, pytest.warns(UserWarning):
        executor.run(["x = 1"])  # it warns because it runs
    assert len((tmp_path / "cache" / "verdicts.jsonl").read_text().splitlines()) == 2
