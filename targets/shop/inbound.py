"""What a request says: which form it wants, whose it is, and its numbers."""

from __future__ import annotations

import uuid
from urllib.parse import parse_qs

import msgspec
from starlette.requests import Request

from targets.shop.failures import Rejected

SESSION_COOKIE = "shop_session"
PRODUCT_MAX = 1_000_000
PAGE_MAX = 1_000


class CartLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Put `quantity` of a product into the cart, instead of what was there; 0 takes it out."""

    product_id: int
    quantity: int = 1


def wants_json(request: Request) -> bool:
    """JSON for a client that says so; HTML for everybody else."""
    for name, value in request.scope["headers"]:
        if name == b"accept":
            return b"application/json" in value
    return is_json(request)


def is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith("application/json")


def product_id(text: object) -> int:
    """Raises: Rejected (404) for what can be no product's number."""
    if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 8 and 0 < int(text) <= PRODUCT_MAX:
        return int(text)
    raise Rejected(404, f"there is no product {str(text)[:20]}")


def page_number(request: Request) -> int:
    """Raises: Rejected (400)."""
    text = request.query_params.get("page", "1")
    if text.isascii() and text.isdigit() and len(text) < 8 and 1 <= int(text) <= PAGE_MAX:
        return int(text)
    raise Rejected(400, f"page is a number from 1 to {PAGE_MAX}")


def session_of(request: Request) -> str | None:
    """The customer's session, if there is one."""
    session = request.cookies.get(SESSION_COOKIE, "")
    return session if 0 < len(session) <= 64 and session.isascii() and session.isalnum() else None


def new_session() -> str:
    return uuid.uuid4().hex


async def form(request: Request) -> dict[str, str]:
    """The fields of an HTML form."""
    body = (await request.body()).decode("utf-8", "replace")
    return {name: values[-1] for name, values in parse_qs(body).items()}


async def cart_line(request: Request) -> CartLine:
    """From JSON, or from the form of a product's page. Raises: Rejected (400)."""
    try:
        if is_json(request):
            line = msgspec.json.decode(await request.body(), type=CartLine, strict=False)
        else:
            line = msgspec.convert(await form(request), CartLine, strict=False)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise Rejected(400, f"a cart line is product_id and quantity: {error}") from error
    if not 0 <= line.quantity <= 20:
        raise Rejected(400, "quantity is from 0 to 20")
    product_id(str(line.product_id))
    return line
