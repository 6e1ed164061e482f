"""What a container most likely is."""

from __future__ import annotations

import pytest

from chaos.platforms.compose import guess


@pytest.mark.parametrize(
    ("image", "service", "role"),
    [
        ("postgres:17", "store", "database"),
        ("docker.io/bitnami/redis:7", "x", "cache"),
        ("registry.example:5000/team/shop-frontend:1", "x", "web"),
        ("acme/thing", "db", "database"),
        ("acme/thing", "worker", "worker"),
        ("nginx", "web", "edge"),
        ("acme/odbc", "thing", "service"),
    ],
)
def test_roles(image: str, service: str, role: str) -> None:
    """By whole words of the image's last part, then of the service's name."""
    assert guess.role(image, service) == role


@pytest.mark.parametrize(
    ("image", "port", "protocol"),
    [
        ("x", 5432, "postgres"),
        ("postgres", 6000, "postgres"),
        ("x", 8080, "http"),
        ("mysql", 3306, "tcp"),
        ("x", 0, "tcp"),
    ],
)
def test_protocols(image: str, port: int, protocol: str) -> None:
    assert guess.protocol(image, port) == protocol


@pytest.mark.parametrize(
    ("exposed", "published", "listens", "port"),
    [
        ((5432,), (), (5432,), 5432),
        ((80, 9000), (), (9000,), 9000),  # what the image names is not what listens
        ((), (), (7000, 8080), 8080),
        ((33060, 3306), (), (), 33060),
        ((), (), (), 0),
    ],
)
def test_ports(exposed: tuple[int, ...], published: tuple[int, ...], listens: tuple[int, ...], port: int) -> None:
    assert guess.port(exposed, published, listens) == port
