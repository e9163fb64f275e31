"""Where an endpoint is: the URL that calls go to, the one that is shown, and what the URL says of the key."""

from __future__ import annotations

import base64
import ipaddress
import os
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from rlaif.config import OpenaiConfig
from rlaif.errors import UserError

DEFAULT_URL = "https://api.openai.com/v1"
CALLED = "/chat/completions"
SHOWN_VALUES = ("api-version", "api_version", "version", "deployment", "model", "region")
"""Values of a query that are shown; any other may be a key."""
KEYS = ("key", "api-key", "api_key", "apikey", "access_token", "token", "subscription-key", "sig")
AZURE = (".azure.com", ".azure.us", ".azure.cn")


@dataclass(frozen=True)
class Address:
    """One endpoint's address.

    Attributes:
        url: Of chat completions, its query at the end.
        shown: The base, without user, fragment, or values of the query that may be secrets.
        headers: Who is calling.
    """

    url: str
    shown: str
    loopback: bool
    headers: dict[str, str]

    def hidden_in(self, text: str) -> str:
        """A text without the address's secrets."""
        query = urlsplit(self.url).query
        return text.replace(self.url, self.shown).replace(query, "...") if query else text


def address_of(base_url: str | None, config: OpenaiConfig) -> Address:
    """The address of a base URL, with or without a query, a slash at the end, or the path of chat completions.

    Raises:
        UserError: a key is needed and there is none.
    """
    parts = urlsplit((base_url or DEFAULT_URL).strip())
    path = parts.path.rstrip("/").removesuffix(CALLED).rstrip("/")
    host = parts.netloc.rpartition("@")[2]
    query = "&".join(
        one if one.partition("=")[0].lower() in SHOWN_VALUES else f"{one.partition('=')[0]}=..."
        for one in parts.query.split("&")
        if one
    )
    loopback = is_loopback(base_url)
    return Address(
        url=urlunsplit((parts.scheme, host, path + CALLED, parts.query, "")),
        shown=urlunsplit((parts.scheme, host, path, query, "")),
        loopback=loopback,
        headers=_authorization(config, parts.username, parts.password, parts.hostname or "", parts.query, loopback),
    )


def _authorization(
    config: OpenaiConfig, user: str | None, password: str | None, host: str, query: str, loopback: bool
) -> dict[str, str]:
    """A user in the URL goes before the key of the environment, since it was written for this endpoint."""
    if user is not None:
        pair = f"{unquote(user)}:{unquote(password or '')}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}
    key = os.environ.get(config.api_key_env)
    if key:
        return {"api-key": key} if host.endswith(AZURE) else {"Authorization": f"Bearer {key}"}
    if loopback or any(name.lower() in KEYS for name, _ in parse_qsl(query)):
        return {}
    raise UserError(f"feedback.openai.api_key_env: the environment variable {config.api_key_env} is not set")


def is_loopback(base_url: str | None) -> bool:
    """Whether an endpoint is on this machine, where no key is needed."""
    host = urlsplit((base_url or "").strip()).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
