"""The cache: one value made once, kept fresh for a while, and served stale when it cannot be made."""

from __future__ import annotations

import asyncio
import struct
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from targets.shop import metrics
from targets.shop.breaker import Breaker
from targets.shop.failures import DependencyDown
from targets.shop.settings import Defences

Make = Callable[[], Awaitable[bytes]]

# Beyond its freshness a value is kept this long, for the hour in which its source is away.
STALE_FOR_S = 3600
# The copy in this process: fresh for one second (a hot page costs no network at all), stale until it falls out.
LOCAL_FRESH_S = 1.0
LOCAL_ENTRIES = 6000
TIMEOUT_S = 0.15
# The naive shop's cache: everything for five seconds.
NAIVE_FRESH_S = 5

STAMP = struct.Struct(">d")


class Cache:
    """`get(key, fresh_s, make)` is the whole interface. With the defence off it is a plain cache-aside."""

    def __init__(self, address: str, defences: Defences) -> None:
        host, _, port = address.rpartition(":")
        limit = TIMEOUT_S if defences.timeouts else None
        self.resilient = defences.cache
        self.breaker = Breaker("cache", enabled=defences.breakers)
        self._redis = Redis(
            connection_pool=BlockingConnectionPool(
                host=host,
                port=int(port),
                max_connections=16,
                timeout=limit,
                socket_timeout=limit,
                socket_connect_timeout=limit,
                retry=Retry(NoBackoff(), 0),  # the source is the second try
                protocol=2,
            )
        )
        self._local: OrderedDict[str, tuple[float, float, bytes]] = OrderedDict()  # local until, fresh until, value
        self._making: dict[str, asyncio.Future[bytes]] = {}
        self._writing: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        await self._redis.aclose()

    async def get(self, key: str, fresh_s: float, make: Make) -> bytes:
        """The value of `key`, at most `fresh_s` seconds old, made by `make` when nobody has it.

        Raises: what `make` raises, when there is no old value either; without the defence also DependencyDown.
        """
        if not self.resilient:
            return await self._get_naively(key, make)
        now = time.time()
        local = self._local.get(key)
        if local is not None and now < local[0]:
            metrics.cache_requests("hit").inc()
            return local[2]
        making = self._making.get(key)
        if making is None:
            making = asyncio.get_running_loop().create_future()
            self._making[key] = making
            try:
                making.set_result(await self._get_shared(key, fresh_s, make, local))
            except BaseException as error:
                making.set_exception(error)
                making.exception()  # it is raised right here, so it need not be reported as never retrieved
                raise
            finally:
                del self._making[key]
            return making.result()
        # Somebody is at it already: a thousand customers on one page make one query.
        value = await asyncio.shield(making)
        metrics.cache_requests("hit").inc()
        return value

    def forget(self, key: str) -> None:
        """Drop `key` here and, when it answers, in the shared cache."""
        self._local.pop(key, None)
        self._later(self._delete(key))

    async def _get_shared(
        self, key: str, fresh_s: float, make: Make, local: tuple[float, float, bytes] | None
    ) -> bytes:
        stale = None if local is None else local[2]
        result = "miss"
        try:
            stored = await self._call(self._redis.get(key))
        except DependencyDown:
            result = "error"
            if local is not None and time.time() < local[1]:
                metrics.cache_requests("hit").inc()
                return local[2]
        else:
            if stored is not None:
                (fresh_until,) = STAMP.unpack_from(stored)
                stale = stored[STAMP.size :]
                self._keep(key, fresh_until, stale)
                if time.time() < fresh_until:
                    metrics.cache_requests("hit").inc()
                    return stale
        try:
            value = await make()
        except DependencyDown:
            if stale is None:
                metrics.cache_requests(result).inc()
                raise
            metrics.cache_requests("stale").inc()
            self._keep(key, 0.0, stale)
            return stale
        metrics.cache_requests(result).inc()
        fresh_until = time.time() + fresh_s
        self._keep(key, fresh_until, value)
        if result != "error":
            self._later(self._store(key, STAMP.pack(fresh_until) + value, int(fresh_s) + STALE_FOR_S))
        return value

    async def _get_naively(self, key: str, make: Make) -> bytes:
        stored = await self._call(self._redis.get(key))
        metrics.cache_requests("miss" if stored is None else "hit").inc()
        if stored is not None:
            return stored
        value = await make()
        await self._call(self._redis.set(key, value, ex=NAIVE_FRESH_S))
        return value

    def _keep(self, key: str, fresh_until: float, value: bytes) -> None:
        self._local[key] = (time.time() + LOCAL_FRESH_S, fresh_until, value)
        self._local.move_to_end(key)
        if len(self._local) > LOCAL_ENTRIES:
            self._local.popitem(last=False)

    def _later(self, work: Awaitable[None]) -> None:
        """Do it after the customer has been answered; the set keeps the task alive."""
        task = asyncio.ensure_future(work)
        assert isinstance(task, asyncio.Task)
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _store(self, key: str, value: bytes, keep_s: int) -> None:
        try:
            await self._call(self._redis.set(key, value, ex=keep_s))
        except DependencyDown:
            return  # counted by the breaker; the value is kept in this process

    async def _delete(self, key: str) -> None:
        try:
            await self._call(self._redis.delete(key))
        except DependencyDown:
            return  # it grows stale there, and the order itself checks the stock

    async def _call(self, command: Awaitable[object]) -> bytes | None:
        """Run one command. Raises: DependencyDown when the cache does not answer."""
        if not self.breaker.allows():
            command.close()  # type: ignore[attr-defined]  # a coroutine that nobody will wait for
            raise DependencyDown("cache", "breaker")
        try:
            answer = await command
        except (RedisError, OSError, TimeoutError) as error:
            self.breaker.failed()
            raise DependencyDown("cache", "error") from error
        self.breaker.succeeded()
        return answer if isinstance(answer, bytes) else None
