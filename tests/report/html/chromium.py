"""Headless Chromium through its DevTools protocol: just enough to open a page, press keys and look."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions", "--hide-scrollbars",
    "--disable-background-networking", "--disable-dev-shm-usage", "--remote-debugging-port=0",
)  # fmt: skip
KEYS = {
    "ArrowDown": (40, ""), "ArrowUp": (38, ""), "End": (35, ""), "Home": (36, ""), "Escape": (27, ""), "Tab": (9, ""),
    "Enter": (13, "\r"),
}  # fmt: skip
START_SECONDS, CALL_SECONDS = 60.0, 60.0


def executable() -> str:
    """The browser; the test is skipped where there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome", "chrome"):
        if found := shutil.which(name):
            return found
    pytest.skip("no chromium on the path")


class Browser:
    """A page in a browser of its own. Calls block; errors of the page are collected in `errors`."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, loop: asyncio.AbstractEventLoop) -> None:
        self._socket, self._loop, self._last_id = socket, loop, 0
        self.errors: list[str] = []
        self.requests: list[str] = []
        self._loaded = False
        for domain in ("Runtime", "Log", "Page", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._loop.run_until_complete(asyncio.wait_for(self._call(method, parameters), CALL_SECONDS))

    async def _call(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        self._last_id += 1
        await self._socket.send_json({"id": self._last_id, "method": method, "params": parameters})
        while True:
            message = await self._receive()
            if message.get("id") == self._last_id:
                assert "error" not in message, f"{method}: {message['error']}"
                return dict(message["result"])

    async def _receive(self) -> dict[str, Any]:
        message = json.loads((await self._socket.receive()).data)
        self._note(message.get("method", ""), message.get("params", {}))
        return dict(message)

    def _note(self, method: str, parameters: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            self.errors.append(str(parameters["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
            self.errors.append(str(parameters["args"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            self.errors.append(parameters["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method == "Page.loadEventFired":
            self._loaded = True

    def open(
        self, path: Path, *, width: int = 1280, height: int = 900, dark: bool = False, fragment: str = ""
    ) -> float:
        """Load a file anew; returns the seconds that it took."""
        self.look(width=width, height=height, dark=dark)
        for address in ("about:blank", path.as_uri() + fragment):
            self._loaded, start = False, time.perf_counter()
            self.call("Page.navigate", url=address)
            self._wait_for_load()
        return time.perf_counter() - start

    def _wait_for_load(self) -> None:
        async def loaded() -> None:
            while not self._loaded:
                await self._receive()

        self._loop.run_until_complete(asyncio.wait_for(loaded(), CALL_SECONDS))

    def look(self, *, width: int, height: int, dark: bool = False) -> None:
        """The size of the window, and which colours its user prefers."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def evaluate(self, expression: str) -> Any:
        """The JSON value of a JavaScript expression."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def press(self, key: str) -> None:
        """A key with its usual effect: a character, or one of KEYS."""
        code, text = KEYS.get(key, (ord(key.upper()) if len(key) == 1 else 0, key))
        pressed = {"key": key, "windowsVirtualKeyCode": code, "text": text} if text else {
            "key": key, "windowsVirtualKeyCode": code, "code": key,
        }  # fmt: skip
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **pressed)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def type(self, text: str) -> None:
        for character in text:
            self.press(character)

    def screenshot(self, path: Path, whole: bool = False) -> None:
        found = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A running browser with a profile of its own; it ends with the block."""
    command = [executable(), *FLAGS, f"--user-data-dir={profile}", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    loop = asyncio.new_event_loop()
    session: aiohttp.ClientSession | None = None
    try:
        port = _port(profile, process)
        session = loop.run_until_complete(_session())
        socket = loop.run_until_complete(_socket(session, port))
        yield Browser(socket, loop)
    finally:
        if session is not None:
            loop.run_until_complete(session.close())
        loop.close()
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _port(profile: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + START_SECONDS
    file = profile / "DevToolsActivePort"
    while not (file.exists() and file.read_text().count("\n")):
        assert process.poll() is None and time.monotonic() < deadline, "chromium did not start"
        time.sleep(0.05)
    return file.read_text().splitlines()[0]


async def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession()


async def _socket(session: aiohttp.ClientSession, port: str) -> aiohttp.ClientWebSocketResponse:
    async with session.get(f"http://127.0.0.1:{port}/json/list") as reply:
        pages = [target for target in await reply.json(content_type=None) if target["type"] == "page"]
    return await session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0)
