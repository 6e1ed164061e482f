"""Where a fault proxy cannot be put beside a caller, and what is said instead."""

from __future__ import annotations

import pytest

from chaos.errors import Refused
from chaos.model.target import Link
from chaos.platforms.compose.attachable import _through_a_proxy, instead, refuse, why_not
from chaos.platforms.compose.attached import Pair
from chaos.platforms.compose.project import Container


def container(network_mode: str) -> Container:
    return Container(
        id="c" * 64, name="shop-web-1", project="shop", service="web", number=1, variant="", status="running",
        health="", pid=4711, started_at="2026-01-01T00:00:00Z", restarts=0, exit_code=0, networks={},
        published={}, open=(), exposed=(), network_mode=network_mode,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("mode", "why"),
    [
        ("host", "the machine's own network"),
        ("none", "has no network"),
        ("container:abc", "another container's network"),
        ("shop_default", ""),
        ("bridge", ""),
    ],
)
def test_a_network_that_is_not_the_callers_own(mode: str, why: str) -> None:
    said = why_not(container(mode))
    assert why in said
    assert bool(said) == bool(why)


def pair(dest: str, protocol: str = "http", host: str = "", port: int = 8000) -> Pair:
    link = Link(source="web", dest=dest, protocol=protocol)  # type: ignore[arg-type]
    return Pair(name=f"web -> {dest}", link=link, client="web", server=dest, host=host, port=port, outside=bool(host))


@pytest.mark.parametrize(
    ("env", "to", "refused"),
    [
        ([], pair("api"), False),
        (["HTTP_PROXY=http://proxy:3128"], pair("api"), True),
        (["http_proxy=http://proxy:3128"], pair("api"), True),
        (["HTTP_PROXY=http://proxy:3128", "NO_PROXY=localhost,api"], pair("api"), False),
        (["HTTP_PROXY=http://proxy:3128", "NO_PROXY=*"], pair("api"), False),
        (["HTTPS_PROXY=http://proxy:3128"], pair("pay", "tcp", "api.pay.example", 443), True),
        (["HTTPS_PROXY=http://proxy:3128", "NO_PROXY=.pay.example"], pair("pay", "tcp", "api.pay.example", 443), False),
        (["HTTP_PROXY=http://proxy:3128"], pair("db", "postgres", port=5432), False),
        (["HTTP_PROXY="], pair("api"), False),
    ],
)
def test_a_caller_that_dials_an_http_proxy(env: list[str], to: Pair, refused: bool) -> None:
    """It never dials the service, so a redirect of the service's address would catch nothing."""
    assert bool(_through_a_proxy(env, to)) is refused


def test_what_to_write_instead_names_both_sides() -> None:
    said = instead("web", "db", "shop-db-1", 5432)
    assert '"upstream": "db:5432"' in said
    assert "toxiproxy:5432" in said
    assert '"upstream": "api.pay.example:443"' in instead("web", "pay", "api.pay.example", 443)


def test_a_link_that_the_targets_own_proxy_serves_gets_no_second_one() -> None:
    """Before the engine is asked anything."""
    with pytest.raises(Refused, match="own Toxiproxy is on it already"):
        refuse(None, container("shop_default"), [pair("api")], ["web -> api"])  # type: ignore[arg-type]
