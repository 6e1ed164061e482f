"""The payment provider as a web instance calls it."""

from __future__ import annotations

import asyncio
import time
from typing import Literal

import aiohttp
import msgspec

from targets.shop import metrics
from targets.shop.breaker import Breaker
from targets.shop.failures import DependencyDown
from targets.shop.retry import RetryBudget
from targets.shop.settings import Defences

# The provider takes about 70 ms. Past one second the customer is better served by "accepted, payment follows".
TIMEOUT_S = 1.0
# Nobody waits for a later settlement, so a slow provider may take its time with it.
PATIENT_TIMEOUT_S = 10.0
RETRY_WITHIN_S = 0.3


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """The provider's answer: it charged (`paid`, with its reference), or it will not (`declined`)."""

    status: Literal["paid", "declined"]
    reference: str = ""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How a price may be paid in parts."""

    instalments: int


class Provider:
    """Charge by key: the same key never charges twice, so every call may be repeated."""

    def __init__(self, address: str, defences: Defences) -> None:
        self._url = f"http://{address}"
        self._timeout = TIMEOUT_S if defences.timeouts else None
        self._session: aiohttp.ClientSession | None = None
        self._terms: Terms | None = None
        self.breaker = Breaker("payments", enabled=defences.breakers)
        self.retries = RetryBudget(enabled=defences.retries)

    async def open(self) -> None:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=30)
        self._session = aiohttp.ClientSession(
            self._url,
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=None),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def charge(self, order: str, amount_cents: int, *, key: str) -> Payment:
        """Take the money for an order now. Raises: DependencyDown; the charge may have happened nevertheless."""
        started = time.monotonic()
        self.retries.earn()
        try:
            return await self._guarded(order, amount_cents, key)
        except DependencyDown as down:
            if down.reason == "breaker" or time.monotonic() - started > RETRY_WITHIN_S:
                raise
            if not await self.retries.again("payments"):
                raise
            return await self._guarded(order, amount_cents, key)

    async def charge_later(self, order: str, amount_cents: int) -> Payment:
        """The same for an order that was accepted earlier: patient, and past the breaker. Raises: DependencyDown."""
        return await self._charge(order, amount_cents, order, PATIENT_TIMEOUT_S)

    async def terms(self) -> Terms:
        """Ask for the terms. Raises: DependencyDown."""
        return msgspec.json.decode(await self._call("GET", "/terms", None, {}, self._timeout), type=Terms)

    @property
    def known_terms(self) -> Terms | None:
        """The terms as last heard of: a page must not wait for the provider to say them again."""
        return self._terms

    async def keep_terms(self) -> None:
        """Ask for the terms from time to time, for ever."""
        while True:
            try:
                self._terms = await self.terms()
                pause_s = 60.0
            except DependencyDown:
                pause_s = 5.0
            await asyncio.sleep(pause_s)

    async def _guarded(self, order: str, amount_cents: int, key: str) -> Payment:
        if not self.breaker.allows():
            metrics.PAYMENT_SECONDS.labels("breaker").observe(0.0)
            raise DependencyDown("payments", "breaker")
        try:
            payment = await self._charge(order, amount_cents, key, self._timeout)
        except DependencyDown:
            self.breaker.failed()
            raise
        self.breaker.succeeded()
        return payment

    async def _charge(self, order: str, amount_cents: int, key: str, timeout_s: float | None) -> Payment:
        body = msgspec.json.encode({"order_id": order, "amount_cents": amount_cents})
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        started = time.perf_counter()
        result = "failed"
        try:
            answer = await self._call("POST", "/payments", body, headers, timeout_s)
            payment = msgspec.json.decode(answer, type=Payment)
            result = payment.status
        finally:
            metrics.PAYMENT_SECONDS.labels(result).observe(time.perf_counter() - started)
        return payment

    async def _call(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], timeout_s: float | None
    ) -> bytes:
        assert self._session is not None
        try:
            async with (
                asyncio.timeout(timeout_s),
                self._session.request(method, path, data=body, headers=headers) as response,
            ):
                answer = await response.read()
                if response.status >= 500:
                    raise DependencyDown("payments", f"status {response.status}")
                return answer
        except TimeoutError as error:
            raise DependencyDown("payments", "timeout") from error
        except aiohttp.ClientError as error:
            raise DependencyDown("payments", "connection") from error
