"""What is taken for a secret, and what is not."""

# ruff: noqa: E501 (a row of a table is one line)
from __future__ import annotations

import time
from pathlib import Path

import pytest

from chaos.masking import masked, masked_tree

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://shop:hunter2@db:5432/shop", "postgresql://shop:***@db:5432/shop"),
        ("postgresql+psycopg://shop:hun%40ter2@db/shop", "postgresql+psycopg://shop:***@db/shop"),
        ("cannot reach redis://:hunter2@cache:6379/0: refused", "cannot reach redis://:***@cache:6379/0: refused"),
        ("postgresql://shop:p@ss@db/shop", "postgresql://shop:***@db/shop"),
        ("a://u:one@x/,b://u:two@y/", "a://u:***@x/,b://u:***@y/"),
        ("host=db password=hunter2 user=shop", "host=db password=*** user=shop"),
        ("host=db password='hun ter2' user=shop", "host=db password=*** user=shop"),
        ("https://api.shop/pay?api_key=hunter2&page=2", "https://api.shop/pay?api_key=***&page=2"),
        ("PGPASSWORD=hunter2 psql", "PGPASSWORD=*** psql"),
        ("Authorization: Bearer hunter2", "Authorization: ***"),
        ("headers: {Authorization: Bearer hunter2, Accept: a}", "headers: {Authorization: ***, Accept: a}"),
        ('{"X-Api-Key":"hunter2","page":1}', '{"X-Api-Key":***,"page":1}'),
        ("env: {STRIPE_SECRET_KEY: hunter2}", "env: {STRIPE_SECRET_KEY: ***}"),
        ("  Cookie: session=hunter2; other=1\nnext: 1", "  Cookie: ***\nnext: 1"),
        ("client_secret: 'hunter2'", "client_secret: ***"),
    ],
)  # fmt: skip
def test_a_secret_is_masked(text: str, shown: str) -> None:
    """In a connection string, a query, a header, an environment, in YAML and in JSON."""
    assert masked(text) == shown
    assert masked(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "latency: {link: web -> db, delay: 300ms, for: 60s}", "http://127.0.0.1:8080/a@b", "availability >= 99.9%",
        "postgresql://shop_ro@{direct:db}/shop?sslmode=disable", "tokens-left: 5", "the token bucket is full",
        "saved: {order: token_of_order}", "cookie >= 5", "tokens: {a: 1}", "edge -> web-1: confirmed, +298 ms of 300 ms",
        "2026-11-25T19:00:00+00:00 user@host", "secrets: {choice: [a, b]}",
    ],
)  # fmt: skip
def test_what_is_no_secret_is_left_alone(text: str) -> None:
    """An evidence that is masked away is no evidence."""
    assert masked(text) == text


@pytest.mark.parametrize(
    "path", [*(ROOT / "experiments").glob("*.yaml"), ROOT / "targets/shop.yaml"], ids=lambda p: p.stem
)
def test_what_ships_is_shown_whole(path: Path) -> None:
    """Nothing of ours looks like a secret."""
    assert masked(path.read_text()) == path.read_text()


def test_values_are_masked_by_their_name() -> None:
    """Wherever they are in it; numbers and flags stay."""
    value = {"headers": {"Authorization": "Bearer hunter2"}, "env": [{"DB_PASSWORD": "x", "PORT": "1"}], "token": 3}
    assert masked_tree(value) == {
        "headers": {"Authorization": "***"}, "env": [{"DB_PASSWORD": "***", "PORT": "1"}], "token": 3,
    }  # fmt: skip


def test_a_long_text_costs_little() -> None:
    """No pattern looks at the same text again and again."""
    for text in (
        "a" * 200_000,
        "password" * 20_000,
        "a://" * 50_000,
        "x:" * 100_000,
        "-" * 200_000,
        "token: " * 20_000,
    ):
        began_s = time.monotonic()
        masked(text)
        assert time.monotonic() - began_s < 5
