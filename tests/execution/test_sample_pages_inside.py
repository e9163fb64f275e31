"""Addresses in the sandbox: those that came with a snippet are answered there, and there is no network."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from rlaif.config import Isolation
from rlaif.execution import sandbox_files as module
from rlaif.execution.classify import classify
from rlaif.execution.isolation import Contents, Limits, make_worker
from rlaif.execution.sandbox_files import sandbox_pages
from rlaif.execution.worker import Worker

PICTURE = "https://Example.com/a b/photo.jpg?raw=1"
PAGES = {
    PICTURE: ("image/jpeg", b"\xff\xd8 picture"),
    "http://host_with_underscore": ("text/plain; charset=utf-8", "schön".encode()),
    "https://example.com/facts.json": ("application/json", b'{"key": [1, 2]}'),
    "https://example.com/large.bin": ("application/octet-stream", bytes(3 << 20)),
}


@pytest.fixture(scope="module")
def sandbox(isolation: Isolation) -> Iterator[Worker]:
    found = importlib.util.find_spec("requests")
    paths = (Path(found.origin).parents[1],) if found is not None and found.origin else ()
    sandbox = make_worker(isolation, Contents(import_paths=paths), Limits(timeout_s=10.0, memory_mb=512))
    yield sandbox
    sandbox.close()


URLLIB = {
    "read": "page = urlopen('https://example.com/a%20b/photo.jpg?raw=1#top')\n"
    "assert page.read() == b'\\xff\\xd8 picture'\n"
    "assert page.status == 200 and page.headers['Content-Type'] == 'image/jpeg'",
    "root": "assert urlopen('http://host_with_underscore/').read().decode() == 'schön'",
    "head": "page = urlopen(Request('https://example.com/large.bin', method='HEAD'))\n"
    "assert page.headers['Content-Length'] == str(3 << 20) and page.read() == b''",
    "file": "from urllib.request import urlretrieve\npath, headers = urlretrieve('https://example.com/facts.json')\n"
    "assert open(path).read() == '{\"key\": [1, 2]}' and headers.get_content_type() == 'application/json'",
    "twice": "assert [len(urlopen('https://example.com/large.bin').read()) for _ in range(2)] == [3 << 20] * 2",
    "with": "with urlopen('https://example.com/facts.json') as page:\n    assert page.geturl().endswith('facts.json')",
}
REQUESTS = {
    "json": "page = requests.get('https://example.com/facts.json', timeout=3)\npage.raise_for_status()\n"
    "assert page.ok and page.status_code == 200 and page.json() == {'key': [1, 2]} and page.reason == 'OK'",
    "raw": "raw = requests.get('https://example.com/a b/photo.jpg?raw=1', stream=True).raw\nraw.decode_content = True\n"
    "assert raw.read() == b'\\xff\\xd8 picture'",
    "params": "page = requests.get('https://example.com/a b/photo.jpg', params={'raw': 1})\n"
    "assert len(page.content) == 10",
    "text": "assert requests.get('http://host_with_underscore').text == 'schön'",
    "chunks": "page = requests.Session().get('https://example.com/large.bin', stream=True)\n"
    "assert sum(map(len, page.iter_content(8192))) == int(page.headers['content-length']) == 3 << 20",
    "head": "page = requests.head('https://example.com/large.bin')\nassert page.ok and page.content == b''",
    "lines": "with requests.get('https://example.com/facts.json', stream=True) as page:\n"
    "    assert list(page.iter_lines()) == [b'{\"key\": [1, 2]}']",
}


@pytest.mark.parametrize("name", URLLIB)
def test_urllib_reads_a_page(sandbox: Worker, name: str) -> None:
    code = f"from urllib.request import Request, urlopen\n{URLLIB[name]}"
    assert sandbox.run(code, pages=PAGES).report == {"passed": True}
    assert sandbox.run(code).report != {"passed": True}  # it does not stay for the next one


@pytest.mark.parametrize("name", REQUESTS)
def test_requests_reads_a_page(sandbox: Worker, name: str) -> None:
    pytest.importorskip("requests")
    code = f"import requests\n{REQUESTS[name]}"
    assert sandbox.run(code, pages=PAGES).report == {"passed": True}


OTHERS = {
    "another page": "urlopen('https://example.com/other.jpg')",
    "another scheme": "urlopen('http://example.com/facts.json')",
    "another port": "urlopen('https://example.com:8443/facts.json')",
    "sending": "urlopen('https://example.com/facts.json', data=b'x')",
    "a socket": "import socket\nsocket.create_connection(('example.com', 80), 1)",
    "requests": "import requests\nrequests.get('https://example.com/other.jpg')",
    "requests sending": "import requests\nrequests.post('https://example.com/facts.json')",
}


@pytest.mark.parametrize("name", OTHERS)
def test_all_else_fails_as_without_a_network(sandbox: Worker, name: str) -> None:
    if "requests" in name:
        pytest.importorskip("requests")
    code = f"from urllib.request import urlopen\n{OTHERS[name]}"
    with_pages, without = (sandbox.run(code, pages=pages) for pages in (PAGES, None))
    verdict = classify(with_pages, {})
    assert (verdict.status, verdict.kind) == ("inconclusive", "resource"), verdict
    assert with_pages.report is not None and without.report is not None
    assert with_pages.report["types"] == without.report["types"]


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://a.b/c.jpg", "/etc/passwd", "data:,x", "https://"])
def test_an_address_of_another_kind_is_the_sandboxs_failure(sandbox: Worker, address: str) -> None:
    verdict = classify(sandbox.run("x = 1", pages={address: ("image/jpeg", b"x")}), {})
    assert (verdict.status, verdict.kind) == ("inconclusive", "isolation"), verdict


def test_nothing_is_imported_where_there_is_no_page(sandbox: Worker) -> None:
    code = "import http\nassert not hasattr(http, 'client')"
    assert sandbox.run(code).report == {"passed": True}
    assert sandbox.run(code, pages=PAGES).report != {"passed": True}


def test_what_the_code_states_is_what_it_gets(sandbox: Worker) -> None:
    code = "from urllib.request import urlopen\nassert imread(urlopen('https://a.b/c').read()) == b'\\xff\\xd8'"
    code = f"def imread(data):\n    return data[:2]\n{code}"
    assert sandbox.run(code, pages=sandbox_pages(code)).report == {"passed": True}


def test_pages_are_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "\n".join(f"requests.get('https://a.b/{number}.jpg')" for number in range(100))
    pages = sandbox_pages(code)
    assert len(pages) == 16
    monkeypatch.setattr(module, "MAX_BYTES", 3 * len(next(iter(pages.values()))[1]))
    assert len(sandbox_pages(code)) == 3
