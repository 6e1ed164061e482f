"""Variables in the platform part of a target file: `{port}`, `{link:db}`, `{direct:db}`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from chaos.errors import nearest
from chaos.model.target import Target
from chaos.spec.marked import Key, Node
from chaos.spec.problems import Problems

# A whole lower-case word in braces; `{{word}}` writes the word itself. JSON, shell and Go templates look different.
_VARIABLE = re.compile(r"\{\{[a-z]+(?::[\w-]+)?\}\}|\{(?P<name>[a-z]+(?::[\w-]+)?)\}")
_NAMED_PORT = re.compile(r"port:[\w-]+")

# What a process, a connection string and an invariant's command are told.
OF_PROCESS = ("python", "port", "instance", "index", "state", "variant")
OF_COMMAND = ("python", "state", "variant")


def check(target: Target, root: Node, problems: Problems) -> None:
    """Report every variable of the embedded platform that will have no value."""
    embedded = target.platforms.embedded
    if embedded is None:
        return
    direct = [f"direct:{name}" for name in _parts(target)]
    base: tuple[Key, ...] = ("platforms", "embedded")
    every_link = [f"link:{end}" for link in target.links.values() for end in _ends(target, link.dest)]
    for name, text in embedded.sql.items():
        _text(text, (*base, "sql", name), [*direct, *OF_COMMAND], root, problems)
    for name, text in embedded.env.items():
        _text(text, (*base, "env", name), [*OF_PROCESS, *direct, *every_link], root, problems)
    for service, process in embedded.services.items():
        dialled = [link.dest for link in target.links.values() if link.source == service]
        links = [f"link:{end}" for dest in dialled for end in _ends(target, dest)]
        known = [*OF_PROCESS, *links, *direct]
        here: tuple[Key, ...] = (*base, "services", service)
        for index, text in enumerate(process.run):
            _text(text, (*here, "run", index), known, root, problems)
        for name, text in process.env.items():
            _text(text, (*here, "env", name), known, root, problems)
    for invariant in target.invariants:
        here = ("invariants", invariant.name)
        for index, text in enumerate(invariant.command):
            _text(text, (*here, "command", index), [*OF_COMMAND, *direct], root, problems)
        for name, text in invariant.env.items():
            _text(text, (*here, "env", name), [*OF_COMMAND, *direct], root, problems)


def _parts(target: Target) -> list[str]:
    return list(dict.fromkeys([*target.services, *target.instances()]))


def _ends(target: Target, service: str) -> tuple[str, ...]:
    """A service and its instances."""
    return (service, *target.services[service].instances()) if service in target.services else (service,)


def _text(text: str, path: tuple[Key, ...], known: Iterable[str], root: Node, problems: Problems) -> None:
    words = list(dict.fromkeys(known))
    for found in _VARIABLE.finditer(text):
        name = found["name"]
        if name is None or name in words or (_NAMED_PORT.fullmatch(name) and "port" in words):
            continue
        hint = ""
        if name.startswith("link:"):
            hint = f" There is no such link from here; {{direct:{name.removeprefix('link:')}}} goes past the proxies."
        message = (
            f"unknown variable '{{{name}}}'.{nearest(name, words)}{hint} For the word itself, write '{{{{{name}}}}}'."
        )
        problems.at(root, path, message)
