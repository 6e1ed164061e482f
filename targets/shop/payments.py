"""The payment provider, an outside company to the shop: `python -m targets.shop.payments --port 8090 --state FOLDER`.

    POST /payments   Idempotency-Key: KEY, {"order_id", "amount_cents"} -> {"status": "paid", "reference": ...}
    GET  /payments?after=ROW&limit=N                                    -> its own records, in pages
    GET  /terms                                                        -> {"instalments": 3}
    GET  /healthz

The same key is charged once, also by two calls at the same time. A charge is on disk before it is answered.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sqlite3
import uuid
from pathlib import Path

import msgspec
import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

# What an outside provider takes, network included.
DELAY_MS = 70
# Larger amounts are declined: a provider says no sometimes.
LIMIT_CENTS = 1_000_000

TABLE = """
CREATE TABLE IF NOT EXISTS payments (
    key TEXT PRIMARY KEY, order_id TEXT NOT NULL, amount_cents INTEGER NOT NULL,
    status TEXT NOT NULL, reference TEXT NOT NULL, at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)
"""


class Charge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the shop asks for."""

    order_id: str
    amount_cents: int


class Ledger:
    """The provider's records, in one SQLite file that survives a killed process."""

    def __init__(self, folder: Path) -> None:
        self._db = sqlite3.connect(folder / "payments.sqlite", isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute(TABLE)

    def find(self, key: str) -> tuple[str, str] | None:
        """(status, reference) of what was decided for this key."""
        found = self._db.execute("SELECT status, reference FROM payments WHERE key = ?", (key,)).fetchone()
        return None if found is None else (found[0], found[1])

    def write(self, key: str, charge: Charge, status: str) -> tuple[str, str]:
        reference = f"pay-{uuid.uuid4().hex}"
        self._db.execute(
            "INSERT INTO payments (key, order_id, amount_cents, status, reference) VALUES (?, ?, ?, ?, ?)",
            (key, charge.order_id, charge.amount_cents, status, reference),
        )
        return status, reference

    def page(self, after: int, limit: int) -> list[dict[str, object]]:
        """Up to `limit` records past row `after`, oldest first."""
        names = ("row", "key", "order_id", "amount_cents", "status", "reference", "at")
        rows = self._db.execute(
            "SELECT rowid, key, order_id, amount_cents, status, reference, at FROM payments "
            "WHERE rowid > ? ORDER BY rowid LIMIT ?",
            (after, limit),
        )
        return [dict(zip(names, row, strict=True)) for row in rows]

    def close(self) -> None:
        self._db.close()


def reply(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


class PaymentService:
    """The provider's HTTP side."""

    def __init__(self, ledger: Ledger, delay_s: float) -> None:
        self._ledger = ledger
        self._delay_s = delay_s
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}
        self.router = Router(
            [
                Route("/payments", self.pay, methods=["POST"]),
                Route("/payments", self.records, methods=["GET"]),
                Route("/terms", self.terms),
                Route("/healthz", self.healthz),
            ]
        )

    async def pay(self, request: Request) -> Response:
        key = request.headers.get("idempotency-key")
        if not key:
            return reply({"error": "the header Idempotency-Key is needed"}, 400)
        try:
            charge = msgspec.json.decode(await request.body(), type=Charge)
        except msgspec.DecodeError as error:
            return reply({"error": str(error)}, 400)
        # A second call with the same key waits for the first, and then finds what it has decided.
        lock, users = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = (lock, users + 1)
        try:
            async with lock:
                await asyncio.sleep(self._delay_s)
                decided = self._ledger.find(key)
                if decided is None:
                    status = "declined" if charge.amount_cents > LIMIT_CENTS else "paid"
                    decided = self._ledger.write(key, charge, status)
        finally:
            users = self._locks[key][1] - 1
            if users:
                self._locks[key] = (lock, users)
            else:
                del self._locks[key]
        return reply({"status": decided[0], "reference": decided[1]})

    async def records(self, request: Request) -> Response:
        try:
            after = int(request.query_params.get("after", "0"))
            limit = min(int(request.query_params.get("limit", "1000")), 10_000)
        except ValueError:
            return reply({"error": "after and limit are numbers"}, 400)
        return reply({"payments": self._ledger.page(after, limit)})

    async def terms(self, _: Request) -> Response:
        await asyncio.sleep(self._delay_s)
        return reply({"instalments": 3})

    async def healthz(self, _: Request) -> Response:
        return reply({"status": "ok"})


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m targets.shop.payments", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on; in a container 0.0.0.0")
    parser.add_argument("--state", type=Path, required=True, help="the folder for its records")
    parser.add_argument("--delay-ms", type=int, default=int(os.environ.get("PAYMENTS_DELAY_MS", str(DELAY_MS))))
    args = parser.parse_args()
    args.state.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(args.state)
    service = PaymentService(ledger, args.delay_ms / 1000)
    uvicorn.run(
        service.router,
        host=args.host,
        port=args.port,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        log_level="warning",
        access_log=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    ledger.close()


if __name__ == "__main__":
    main()
