"""The cart: kept in the database, found by the session cookie."""

from __future__ import annotations

import uuid

import psycopg
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from targets.shop import queries
from targets.shop.database import Database
from targets.shop.failures import Rejected
from targets.shop.inbound import SESSION_COOKIE, cart_line, is_json, new_session, session_of, wants_json
from targets.shop.views import CartView, Line, answer, render, reply


class Carts:
    """The routes of the cart."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def show(self, request: Request) -> Response:
        session = session_of(request)
        rows = await self._database.read_own(queries.CART, session) if session else []
        lines = [Line(*row) for row in rows]
        total_cents = sum(line.quantity * line.price_cents for line in lines)
        view = CartView(lines=lines, total_cents=total_cents, checkout_key=uuid.uuid4().hex)
        as_json = wants_json(request)
        return reply(render(view, as_json=as_json), as_json=as_json, headers={"cache-control": "no-store"})

    async def put(self, request: Request) -> Response:
        """Set one line. Twice is the same as once, so the edge may try it again."""
        line = await cart_line(request)
        session = session_of(request)
        response: Response
        if is_json(request):
            response = answer({"product_id": line.product_id, "quantity": line.quantity})
        else:
            response = RedirectResponse("/cart", 303)
        if session is None:
            session = new_session()
            response.set_cookie(SESSION_COOKIE, session, httponly=True, samesite="lax", max_age=86400)
        try:
            if line.quantity:
                await self._database.write(queries.SET_LINE, session, line.product_id, line.quantity)
            else:
                await self._database.write(queries.DROP_LINE, session, line.product_id)
        except psycopg.errors.ForeignKeyViolation as error:
            raise Rejected(404, f"there is no product {line.product_id}") from error
        return response
