"""Hosts in a container's settings; never a secret."""

from __future__ import annotations

import pytest

from chaos.platforms.compose.settings import Named, hosts

KNOWN = ("db", "redis", "api")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("DATABASE_URL=postgres://me:s3cret@db:5433/shop?x=1", [("db", 5433)]),
        ("DATABASE_URL=postgresql+asyncpg://me@db/shop", [("db", 5432)]),
        ("REDIS_HOST=redis", [("redis", 0)]),
        ("CACHE=redis:6380", [("redis", 6380)]),
        ("PAYMENTS=https://api.pay.example/v1", [("api.pay.example", 443)]),
        ("KAFKA_BROKERS=k1.example:9092,k2.example:9092", [("k1.example", 9092), ("k2.example", 9092)]),
        ("DB_HOST=managed.db.example", [("managed.db.example", 0)]),
        ("SELF_URL=http://localhost:80/", []),
        ("VERSION=3.11.2", []),
        ("LANG=C.UTF-8", []),
        ("MODE=production", []),
        ("URL=http://${HOST}/", []),
        ("URL=http://[bad", []),
        ("PYTHON_SHA256=ab12.cd34", []),
    ],
)
def test_what_a_setting_names(line: str, found: list[tuple[str, int]]) -> None:
    assert [(one.host, one.port) for one in hosts([line], KNOWN)] == found


def test_a_port_may_be_a_setting_of_its_own() -> None:
    assert hosts(["DB_HOST=managed.db.example", "DB_PORT=5444"], KNOWN) == [
        Named("DB_HOST", "managed.db.example", 5444)
    ]


@pytest.mark.parametrize("name", ["DB_PASSWORD", "API_TOKEN", "SESSION_SECRET", "AWS_ACCESS_KEY_ID", "BASIC_AUTH"])
def test_what_may_be_a_secret_is_never_read(name: str) -> None:
    """Even where its value looks like a host, or is the name of a service."""
    assert hosts([f"{name}=db", f"{name}=https://hunter2.example/"], KNOWN) == []
