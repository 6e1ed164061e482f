"""Checkout: reserve the stock and write the order (one round trip), charge, write down the charge (one more)."""

from __future__ import annotations

import uuid

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from targets.shop import metrics, queries
from targets.shop.database import Database
from targets.shop.failures import DependencyDown, Rejected
from targets.shop.inbound import form, session_of, wants_json
from targets.shop.naive import naive_checkout
from targets.shop.provider import Payment, Provider
from targets.shop.settings import Defences
from targets.shop.views import Line, OrderView, answer, render, reply


class Orders:
    """The routes of checkout and order."""

    def __init__(self, database: Database, provider: Provider, defences: Defences) -> None:
        self._database = database
        self._provider = provider
        self._defences = defences

    async def checkout(self, request: Request) -> Response:
        as_json = wants_json(request)
        key = request.headers.get("idempotency-key")
        if not key and not as_json:
            key = (await form(request)).get("idempotency_key")
        if not key or len(key) > 100:
            raise Rejected(400, "a checkout needs the header Idempotency-Key, of at most 100 characters")
        session = session_of(request)
        if session is None:
            raise Rejected(400, "the cart is empty")
        try:
            if self._defences.idempotency:
                order, status = await self._place_and_charge(key, session)
            else:
                order, status = await self._all_in_one(session)
        except (DependencyDown, Rejected) as refusal:
            metrics.ORDERS.labels(f"refused {getattr(refusal, 'status', 503)}").inc()
            raise
        metrics.ORDERS.labels(status).inc()
        if as_json:
            return answer({"order_id": order, "status": status}, 200 if status == "paid" else 202)
        return RedirectResponse(f"/orders/{order}", 303)

    async def _place_and_charge(self, key: str, session: str) -> tuple[str, str]:
        rows = await self._database.write(queries.PLACE, uuid.uuid4().hex, key, session)
        order, status, total_cents, problem = rows[0]
        refuse(problem)
        if status in ("pending", "paid"):
            return order, status
        if status == "cancelled":
            raise Rejected(402, "the payment was declined")
        payment: Payment | None = None
        try:
            # The order is the provider's key: whoever charges for it, now or later, charges once.
            payment = await self._provider.charge(order, total_cents, key=order)
        except DependencyDown:
            if not self._defences.pending:
                raise
        outcome = "pending" if payment is None else "paid" if payment.status == "paid" else "cancelled"
        try:
            rows = await self._database.write(queries.SETTLE, order, outcome, payment.reference if payment else None)
            outcome = rows[0][0]
        except DependencyDown:
            # Charged, and the order is in the database: the settler will bring the two together.
            if payment is None or payment.status != "paid" or not self._defences.pending:
                raise
            outcome = "pending"
        if outcome == "cancelled":
            raise Rejected(402, "the payment was declined")
        return order, outcome

    async def _all_in_one(self, session: str) -> tuple[str, str]:
        placed, payment = await naive_checkout(self._database, self._provider, session)
        refuse(placed[3])
        if payment is None or payment.status == "declined":
            raise Rejected(402, "the payment was declined")
        return placed[0], "paid"

    async def show(self, request: Request) -> Response:
        order = request.path_params["order"][:64]
        rows = await self._database.read_own(queries.ORDER, order)
        if not rows:
            raise Rejected(404, "there is no such order")
        status, total_cents, placed_at, lines = rows[0]
        view = OrderView(
            order_id=order,
            status=status,
            total_cents=total_cents,
            placed_at=placed_at.isoformat(timespec="seconds"),
            lines=[Line(*line) for line in lines or ()],
        )
        as_json = wants_json(request)
        return reply(render(view, as_json=as_json), as_json=as_json, headers={"cache-control": "no-store"})


def refuse(problem: str | None) -> None:
    """Raises: Rejected for what `place_order` found wrong with the cart."""
    if problem == "sold out":
        raise Rejected(409, "something in the cart is sold out")
    if problem is not None:
        raise Rejected(400, "the cart is empty")
