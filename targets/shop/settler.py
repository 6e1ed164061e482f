"""Pays later what was accepted while the payment provider, or the database, was away."""

from __future__ import annotations

import asyncio
import logging
import random

from targets.shop import metrics, queries
from targets.shop.database import Database
from targets.shop.failures import DependencyDown
from targets.shop.provider import Provider

log = logging.getLogger(__name__)

# A provider that takes 5 s for each of 2.5 checkouts a second and instance needs 13 at a time to keep up.
AT_A_TIME = 16
# Longer than the patient call to the provider: nobody else takes the order while we are at it.
LEASE = "12 s"
PAUSE_S = 1.0


class Settler:
    """Runs in every web instance; the database hands each order to one of them."""

    def __init__(self, database: Database, provider: Provider) -> None:
        self._database = database
        self._provider = provider

    async def run(self) -> None:
        """Settle what is open, for ever."""
        at_work: set[asyncio.Task[None]] = set()
        while True:
            try:
                free = AT_A_TIME - len(at_work)
                claimed = await self._database.write(queries.CLAIM, free, LEASE) if free else []
                for order, total_cents in claimed:
                    task = asyncio.create_task(self._settle(order, total_cents))
                    at_work.add(task)
                    task.add_done_callback(at_work.discard)
            except DependencyDown:
                claimed = []  # the primary is away; so is what we would settle
            except Exception:
                claimed = []
                log.exception("settling failed; trying again")
            if at_work:
                await asyncio.wait(at_work, timeout=PAUSE_S, return_when=asyncio.FIRST_COMPLETED)
            if not claimed:
                await asyncio.sleep(PAUSE_S * random.uniform(0.7, 1.3))

    async def _settle(self, order: str, total_cents: int) -> None:
        try:
            payment = await self._provider.charge_later(order, total_cents)
            outcome = "paid" if payment.status == "paid" else "cancelled"
            await self._database.write(queries.SETTLE, order, outcome, payment.reference)
        except DependencyDown:
            outcome = "again"  # its lease runs out, and somebody takes it up again
        metrics.SETTLED.labels(outcome).inc()
