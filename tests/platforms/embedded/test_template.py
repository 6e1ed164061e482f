"""Variables in a target file."""

from __future__ import annotations

import pytest

from chaos.errors import SpecError
from chaos.platforms.template import fill, named_ports

VALUES = {"port": "8080", "link:db": "127.0.0.1:5001", "port:admin": "9901"}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("--port={port}", "--port=8080"),
        ("postgresql://{link:db}/shop", "postgresql://127.0.0.1:5001/shop"),
        ("{port:admin}{port}", "99018080"),
        ('{"a": {"b": 1}}', '{"a": {"b": 1}}'),
        ("${HOME} {} {0} {A} { port }", "${HOME} {} {0} {A} { port }"),
        ("{{port}} {{ .Name }}", "{port} {{ .Name }}"),
    ],
)
def test_variables_are_filled_and_other_braces_stay(text: str, filled: str) -> None:
    """Only a whole lower-case word in braces is a variable."""
    assert fill(text, VALUES, where="run") == filled


def test_an_unknown_variable_names_the_nearest() -> None:
    """One line: where, what, and what it may have been."""
    with pytest.raises(SpecError, match=r"shop.yaml: web.run: unknown variable '\{prot\}'.*Did you mean 'port'\?"):
        fill("{prot}", VALUES, where="web.run", path="shop.yaml")


def test_a_link_that_does_not_exist() -> None:
    """A service can only dial where a link leads."""
    with pytest.raises(SpecError, match=r"'\{link:cache\}'.*Known: link:db, port, port:admin"):
        fill("{link:cache}", VALUES, where="web.env.CACHE")


def test_named_ports_are_found_once_each() -> None:
    """A port is made for each name that the texts use."""
    assert named_ports(["{port:admin} {port}", "{port:metrics}", "{port:admin}", "{{port:no}}"]) == ("admin", "metrics")
