"""What a snippet fetches by its address, for exactly the addresses that came with it; there is no network.

urllib is asked through an opener, requests through its one transport adapter. Any other address
goes the way that it always goes, and fails there. The modules of the network are imported only
where there is a page: an import can be seen by a snippet.
"""

from __future__ import annotations

import base64
import contextlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

_METHODS = ("GET", "HEAD")
_SAFE = "%/:=&?~#+!$,;'@()*[]-._"
"""What is not percent-encoded within an address, as requests has it."""


def install(pages: Mapping[str, Sequence[str]]) -> None:
    """Answer for these addresses: each has a media type, and its content in base64.

    ValueError for an address that is not one of http or https.
    """
    if not pages:
        return
    found = _Pages(pages)
    _answer_urllib(found)
    with contextlib.suppress(ImportError):  # not every environment has it
        _answer_requests(found)


class _Pages:
    """What there is, by address."""

    def __init__(self, pages: Mapping[str, Sequence[str]]) -> None:
        self._sent = {_key(address): _as_sent(*page) for address, page in pages.items()}

    def response(self, method: str | None, address: str | None) -> Any:
        """An `http.client.HTTPResponse`, as it is read off a connection; None where there is no such page."""
        from http.client import HTTPResponse

        try:
            sent = self._sent.get(_key(address or "")) if method in _METHODS else None
        except ValueError:
            return None
        if sent is None:
            return None
        response = HTTPResponse(_Connection(sent), method=method)  # type: ignore[arg-type]
        response.begin()
        return response


class _Connection:
    """As much of a socket as a response reads from."""

    def __init__(self, sent: bytes) -> None:
        self._sent = sent

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._sent)


def _as_sent(media_type: str, content: str) -> bytes:
    body = base64.b64decode(content, validate=True)
    headers = f"Content-Type: {media_type}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    return f"HTTP/1.1 200 OK\r\n{headers}\r\n".encode("ascii") + body


def _key(address: str) -> str:
    """The same for all spellings of an address that a library may make of one; what comes after # is not sent."""
    from urllib.parse import quote, urlsplit, urlunsplit

    parts = urlsplit(address)
    if parts.scheme.lower() not in ("http", "https") or not parts.netloc:
        raise ValueError(f"{address!r} is no address of a page")
    path, query = quote(parts.path or "/", safe=_SAFE), quote(parts.query, safe=_SAFE)
    return urlunsplit((parts.scheme.lower(), parts.netloc.lower(), path, query, ""))


def _answer_urllib(pages: _Pages) -> None:
    from urllib.request import BaseHandler, Request, build_opener, install_opener

    class PageHandler(BaseHandler):
        handler_order = 400  # before those that connect, which are at 500

        def default_open(self, request: Request) -> Any:
            response = pages.response(request.get_method(), request.full_url)
            if response is not None:
                response.url, response.msg = request.full_url, response.reason  # as those that connect set them
            return response

    install_opener(build_opener(PageHandler))


def _answer_requests(pages: _Pages) -> None:
    import urllib3
    from requests.adapters import HTTPAdapter

    send = HTTPAdapter.send

    def send_or_answer(adapter: Any, request: Any, *arguments: Any, **settings: Any) -> Any:
        response = pages.response(request.method, request.url)
        if response is None:
            return send(adapter, request, *arguments, **settings)
        raw = urllib3.HTTPResponse(
            response,
            headers=dict(response.getheaders()),
            status=response.status,
            version=response.version,
            reason=response.reason,
            preload_content=False,
            decode_content=False,
            request_method=request.method,
        )
        return adapter.build_response(request, raw)

    HTTPAdapter.send = send_or_answer  # type: ignore[method-assign, assignment]
