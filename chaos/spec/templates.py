"""Variables in the platform part of a target file: `{port}`, `{link:db}`, `{direct:db}`. The platform fills them in;
here it is found out beforehand whether it can."""

from __future__ import annotations

import re
from collections.abc import Iterable

from chaos.errors import nearest
from chaos.model.target import Compose, Embedded, Target
from chaos.spec.marked import Key, Node
from chaos.spec.problems import Problems

# A whole lower-case word in braces; `{{word}}` writes the word itself. JSON, shell and Go templates look different.
_VARIABLE = re.compile(r"\{\{[a-z]+(?::[\w-]+)?\}\}|\{(?P<name>[a-z]+(?::[\w-]+)?)\}")
_NAMED_PORT = re.compile(r"port:[\w-]+")

# What a process is told of itself, and what means the same everywhere.
OF_PROCESS = ("port", "instance", "index", "state")
SHARED = ("python", "variant")


def check_compose(target: Target, compose: Compose, root: Node, problems: Problems) -> None:
    """Report every variable of the compose platform that will have no value."""
    base: tuple[Key, ...] = ("platforms", "compose")
    for name, text in compose.sql.items():
        _text(text, (*base, "sql", name), _shared(target), root, problems)
    for name, text in compose.env.items():
        _text(text, (*base, "env", name), SHARED, root, problems)


def check_invariants(target: Target, root: Node, problems: Problems) -> None:
    """Report every variable of an invariant's command that will have no value on any platform."""
    shared = _shared(target)
    for invariant in target.invariants:
        here: tuple[Key, ...] = ("invariants", invariant.name)
        for index, text in enumerate(invariant.command):
            _text(text, (*here, "command", index), shared, root, problems)
        for name, text in invariant.env.items():
            _text(text, (*here, "env", name), shared, root, problems)


def _shared(target: Target) -> list[str]:
    return [*SHARED, *(f"direct:{name}" for name in target.services)]


def check_embedded(target: Target, embedded: Embedded, root: Node, problems: Problems) -> None:
    """Report every variable of the embedded platform that will have no value."""
    shared = _shared(target)
    base: tuple[Key, ...] = ("platforms", "embedded")
    for name, text in embedded.sql.items():
        _text(text, (*base, "sql", name), shared, root, problems)
    for name, text in embedded.env.items():
        # Every service has them, so only a link that every service dials could stand here.
        _text(text, (*base, "env", name), [*OF_PROCESS, *shared], root, problems)
    for service, process in embedded.services.items():
        links = [f"link:{link.dest}" for link in target.links.values() if link.source == service]
        known = [*OF_PROCESS, *links, *shared]
        here: tuple[Key, ...] = (*base, "services", service)
        for index, text in enumerate(process.run):
            _text(text, (*here, "run", index), known, root, problems)
        for name, text in process.env.items():
            _text(text, (*here, "env", name), known, root, problems)
        for name in ("http", "postgres"):
            _text(getattr(process.ready, name) or "", (*here, "ready", name), known, root, problems)


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
