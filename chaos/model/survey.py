"""What a look at a running Compose project has found: enough for a first target file. No setting's value is in it."""

from __future__ import annotations

from chaos.model.base import Noun
from chaos.model.target import Protocol


class FoundService(Noun):
    """One Compose service, by the containers of it that run."""

    name: str  # in the target file
    compose_service: str
    role: str
    image: str
    count: int
    port: int  # where it listens; 0: not known
    protocol: Protocol
    published: str = ""  # host:port on the engine's machine, of that port
    health: str = ""  # the path that its own health check asks; empty: none, or not by HTTP
    cannot: tuple[str, ...] = ()  # what cannot be done to it, and why


class FoundLink(Noun):
    """Who dials whom, and how that is known."""

    source: str
    dest: str
    protocol: Protocol
    evidence: tuple[str, ...]  # `3 connections`, `the setting REDIS_HOST`, `depends_on`


class FoundOutside(Noun):
    """An endpoint outside the project that a setting names."""

    name: str
    host: str
    port: int


class Survey(Noun):
    project: str
    endpoint: str
    files: tuple[str, ...] = ()  # its Compose files, as Compose was told them
    services: tuple[FoundService, ...]
    links: tuple[FoundLink, ...]
    outside: tuple[FoundOutside, ...] = ()
    remarks: tuple[str, ...] = ()  # what was seen and could not be made anything of
