"""Hosts and ports in a container's settings. A setting's value never leaves this file: it may be a secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from chaos.platforms.compose.guess import SCHEMES

_URL = re.compile(r"\b([a-z][a-z0-9+.-]*)://[^\s\"'<>,;]+", re.IGNORECASE)
_HOST_PORT = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]*)(?::(\d{1,5}))?")
_HOST_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\.[a-z][a-z0-9-]*[a-z0-9]")
# Their values may look like anything, also like a host.
_SECRET = re.compile(r"PASS|SECRET|TOKEN|KEY|CREDENTIAL|AUTH|COOKIE|SALT|SIGNATURE", re.IGNORECASE)
_NAMES_A_HOST = re.compile(
    r"(HOST|HOSTNAME|SERVER|SERVERS|ADDR|ADDRESS|ENDPOINT|URL|URI|BROKER|BROKERS|DSN)$", re.IGNORECASE
)
LOOPBACK = ("localhost", "127.0.0.1", "0.0.0.0", "::1")  # noqa: S104  # recognised, not listened on


class Named(NamedTuple):
    """A host that a setting names. `port` 0: it says none."""

    setting: str
    host: str
    port: int


def hosts(env: Iterable[str], known: Iterable[str]) -> list[Named]:
    """Those in URLs, those that are one of `known` (services of the project), and whole names of hosts where the
    setting's own name says that it is one."""
    lines = [(name, value) for name, _, value in (line.partition("=") for line in env)]
    values, words = dict(lines), set(known)
    found: list[Named] = []
    for setting, value in lines:
        if _SECRET.search(setting):
            continue
        urls = list(_of_urls(setting, value))
        found += urls or list(_plain(setting, value, words, values))
    return [one for one in dict.fromkeys(found) if one.host not in LOOPBACK]


def _of_urls(setting: str, value: str) -> Iterator[Named]:
    for match in _URL.finditer(value):
        try:
            parts = urlsplit(match.group(0))
            host, port = parts.hostname, parts.port
        except ValueError:
            continue
        scheme = parts.scheme.partition("+")[0].lower()
        # A template such as ${HOST} is nobody's name.
        if host and _HOST_PORT.fullmatch(host):
            yield Named(setting, host, port or SCHEMES.get(scheme, 0))


def _plain(setting: str, value: str, known: set[str], values: dict[str, str]) -> Iterator[Named]:
    for word in re.split(r"[\s,;]+", value):
        match = _HOST_PORT.fullmatch(word)
        if match is None:
            continue
        host, port = match.group(1), int(match.group(2) or 0)
        is_host = _NAMES_A_HOST.search(setting) is not None
        if host in known or (is_host and _HOST_NAME.fullmatch(host.lower()) and not host.isdigit()):
            yield Named(setting, host, port or _port_beside(setting, values))


def _port_beside(setting: str, values: dict[str, str]) -> int:
    """DB_PORT for DB_HOST."""
    beside = values.get(_NAMES_A_HOST.sub("PORT", setting), "")
    return int(beside) if beside.isdigit() else 0
