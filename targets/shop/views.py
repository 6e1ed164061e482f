"""What the shop shows: the values of its pages, as JSON for clients and as HTML for people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
import msgspec
from starlette.responses import Response

FOLDER = Path(__file__).parent
COLOURS = {
    "red": "#c8443c", "blue": "#3f6fb5", "green": "#4c8a5b", "black": "#2e2e33", "white": "#f4f1ea",
    "yellow": "#e3b23c", "grey": "#8b8f97", "navy": "#26365c", "orange": "#dd7a35", "purple": "#7a5a9e",
    "gold": "#b8923a",
}  # fmt: skip


class Card(msgspec.Struct, frozen=True):
    """A product in a list. Prices are in cents."""

    id: int
    name: str
    price_cents: int
    stock: int
    category: str


class Home(msgspec.Struct, frozen=True, kw_only=True):
    """The front page."""

    popular: list[Card]
    categories: list[str]


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """One page of the range, or of what a search found."""

    page: int
    query: str
    products: list[Card]
    more: bool


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """A product's own page. `instalments`: in how many parts it may be paid, if the provider said so."""

    id: int
    name: str
    description: str
    category: str
    price_cents: int
    stock: int
    related: list[Card]
    instalments: int | None


class Line(msgspec.Struct, frozen=True):
    """One product in a cart or an order."""

    product_id: int
    name: str
    quantity: int
    price_cents: int


class CartView(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's cart, with a key for the checkout that may follow."""

    lines: list[Line]
    total_cents: int
    checkout_key: str


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """An order. Status: placed, pending (accepted, payment follows), paid, or cancelled."""

    order_id: str
    status: str
    total_cents: int
    placed_at: str
    lines: list[Line]


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """Why it did not work."""

    error: str


View = Home | Listing | Product | CartView | OrderView | Notice

TEMPLATES = {
    Home: "home.html", Listing: "listing.html", Product: "product.html",
    CartView: "cart.html", OrderView: "order.html", Notice: "notice.html",
}  # fmt: skip


def money(cents: int) -> str:
    """1990 is `19.90`."""
    return f"{cents // 100}.{cents % 100:02}"


def colour(name: str) -> str:
    """The CSS colour that a product's name speaks of."""
    return next((COLOURS[word] for word in name.split() if word in COLOURS), "#8b8f97")


_environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader(FOLDER / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)
_environment.filters.update(money=money, colour=colour)
_templates = {view: _environment.get_template(name) for view, name in TEMPLATES.items()}
_encode = msgspec.json.Encoder().encode

STYLE = (FOLDER / "templates" / "style.css").read_bytes()
SHAPES = (FOLDER / "templates" / "shapes.svg").read_bytes()


def render(view: View, *, as_json: bool) -> bytes:
    """The body that shows `view`."""
    if as_json:
        return _encode(view)
    return _templates[type(view)].render(it=view).encode()


def reply(body: bytes, *, as_json: bool, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A body as a response; caches on the way keep the two forms of a page apart."""
    kind = "application/json" if as_json else "text/html; charset=utf-8"
    return Response(body, status, {"content-type": kind, "vary": "accept", **(headers or {})})


def answer(value: dict[str, Any], status: int = 200) -> Response:
    """A small JSON answer for clients."""
    return Response(_encode(value), status, {"content-type": "application/json"})
