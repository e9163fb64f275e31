"""An asker in a few words, for the tests of what comes of calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlaif.config import OpenaiConfig
from rlaif.feedback.asking import Asker
from rlaif.feedback.endpoints import Endpoints
from rlaif.feedback.exchange import Reply, Request
from rlaif.feedback.exchange_store import ExchangeStore

Sent = dict[str, Any]


def requests(num: int, **options: Any) -> list[Request]:
    return [Request((("system", "s"), ("user", f"text {number}")), **options) for number in range(num)]


def number_of(sent: Sent) -> int:
    return int(sent["messages"][-1]["content"].rpartition(" ")[2])


class Asked:
    """What came of one asker."""

    def __init__(self, url: str, directory: Path, **settings: Any) -> None:
        self.lines: list[str] = []
        openai = OpenaiConfig(**{"model": "judge", "base_url": url, "max_attempts": 4, **settings})
        self.asker = Asker(Endpoints(openai), directory, on_warning=self.lines.append)

    def __call__(self, asked: list[Request]) -> list[Reply | None]:
        with self.asker:
            return self.asker.ask(asked)


def kept_in(directory: Path) -> int:
    return len(ExchangeStore(directory))
