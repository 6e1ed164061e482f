"""The traffic generator's process: `python -m chaos.load.generator`.

It reads its configuration (`wire.Config`, JSON) as the first line of stdin, or from the file named as its argument, and
then orders, one a line, from stdin and from a unix socket. It writes `wire` messages to stdout. It ends when it is told
to, and always when stdin ends: then the runner is gone.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import msgspec

from chaos.clock import boottime_s
from chaos.errors import SaleproofError
from chaos.load.arrivals import Arrivals
from chaos.load.crowd import Crowd
from chaos.load.engine import Engine
from chaos.load.output import Output
from chaos.load.script import Script
from chaos.load.wire import REPORT_S, Answer, Config, Goodbye, Hello, Order
from chaos.model.base import from_json, to_json
from chaos.model.lease import Lease, Leases, Renewal

# Files that are not connections to the shop: the pipes, the socket, libraries.
_FILES_RESERVED = 64
_RUNNER_GONE = "the runner is gone"
# A runner that stands still reads nothing: its reports are kept for so long, and then nobody sends customers for it.
UNREAD_S = 60.0


def _direct() -> Engine:
    from chaos.load.direct import DirectEngine

    return DirectEngine()


def _shared() -> Engine:
    from chaos.load.direct import DirectEngine

    return DirectEngine(shared=True)


def _curl() -> Engine:
    """Raises: ValueError when libcurl is not there."""
    try:
        from chaos.load.curl import CurlEngine
    except ImportError as cause:
        raise ValueError(f"the engine 'curl' needs pycurl: pip install 'saleproof[curl]' ({cause})") from cause
    return CurlEngine()


ENGINES: dict[str, Callable[[], Engine]] = {"direct": _direct, "shared": _shared, "curl": _curl}


class Generator:
    """Wires the crowd to its orders and its reports."""

    def __init__(self, config: Config, output: Output) -> None:
        """Raises: SpecError for traffic that makes no sense."""
        traffic = config.traffic
        seed = f"{config.seed}/{config.shard}"
        self._config = config
        self._output = output
        self._script = Script(traffic, seed=f"{seed}/choices")
        self._crowd: Crowd | None = None
        self._over = asyncio.Event()
        self._why = ""
        self._drain_s = 0.0
        self._per_s = float(traffic.rate) * config.times / config.shards
        self._leases = Leases()
        self._multiplied_under = ""  # a lease

    async def run(self, orders: IO[bytes]) -> None:
        """Until told to stop. Raises: ValueError, OSError when it cannot start."""
        config = self._config
        engine = ENGINES[config.engine]()
        await engine.start(config.base_url)
        crowd = self._crowd = Crowd(config, self._script, self._arrivals(), engine, files_for_customers())
        server = await asyncio.start_unix_server(self._serve, config.control)
        threading.Thread(target=self._read_orders, args=(orders, asyncio.get_running_loop()), daemon=True).start()
        self._output.send(Hello(pid=os.getpid(), at_us=crowd.now_us(), customers_max=files_for_customers()))
        arriving, reporting = (asyncio.ensure_future(work) for work in (crowd.arrive(), self._report()))
        for task in (arriving, reporting):
            task.add_done_callback(self._worked)
        try:
            await self._over.wait()
            crowd.stop()
            await crowd.finish(self._drain_s)
        finally:
            reporting.cancel()
            arriving.cancel()
            server.close()
        self._output.send(crowd.report())
        self._output.send(Goodbye(at_us=crowd.now_us(), reason=self._why))
        await engine.close()

    def obey(self, order: Order) -> Answer:
        """Raises nothing: what is wrong with the order is in the answer."""
        assert self._crowd is not None
        error = ""
        became: Renewal | None = None
        try:
            became = self._lease(order)
            if order.multiply is not None:
                self._crowd.multiply(order.multiply)
                self._multiplied_under = order.lease
        except ValueError as cause:
            error = str(cause)
        if order.stop:
            self.end("", order.drain_s)
        return Answer(
            multiplier=self._crowd.multiplier, arrived=self._crowd.arrived, per_s=self._per_s, lease=became, error=error
        )

    def _lease(self, order: Order) -> Renewal | None:
        """Raises: ValueError."""
        if not order.lease:
            return None
        if order.release:
            self._leases.release(order.lease)
            self._look_at_lease()
            return None
        if order.ttl_s:
            return self._leases.renew(Lease(id=order.lease, ttl_s=order.ttl_s), boottime_s())
        if not self._leases.is_held(order.lease, boottime_s()):
            raise ValueError(f"the lease {order.lease!r} ran out, or is not known")
        return None

    def _look_at_lease(self) -> None:
        """A multiplier whose lease is over goes."""
        assert self._crowd is not None
        self._leases.expire(boottime_s())
        if self._multiplied_under and not self._leases.is_held(self._multiplied_under, boottime_s()):
            self._crowd.multiply(1.0)
            self._multiplied_under = ""

    def end(self, why: str, drain_s: float = 0.0) -> None:
        """Stop. The first reason stays."""
        if not self._over.is_set():
            self._why, self._drain_s = why, drain_s
            self._over.set()

    def _worked(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.end(f"internal error: {type(error).__name__}: {error}")

    def _arrivals(self) -> Arrivals:
        config = self._config
        return Arrivals(
            kind=config.traffic.arrivals,
            per_s=self._per_s,
            seed=f"{config.seed}/{config.shard}/arrivals",
            start_s=time.monotonic() - config.t0_s,
            offset=config.shard / config.shards,
        )

    async def _report(self) -> None:
        """At a fixed rate, empty or not: a runner that hears nothing must be able to tell that something is wrong."""
        assert self._crowd is not None
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        parent = os.getppid()
        while True:
            due_s = max(due_s + REPORT_S, loop.time())
            await asyncio.sleep(due_s - loop.time())
            self._output.send(self._crowd.report())
            self._look_at_lease()
            if self._output.unread_s > UNREAD_S:
                self.end(f"nobody has read its reports for {UNREAD_S:g} s")
            if self._crowd.broken:
                self.end(self._crowd.broken)
            if os.getppid() != parent:
                self.end(_RUNNER_GONE)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, ValueError):
            while line := await reader.readline():
                writer.write(to_json(self._obey_line(line)) + b"\n")
                await writer.drain()
        writer.close()

    def _obey_line(self, line: bytes) -> Answer:
        try:
            order = from_json(line, Order)
        except msgspec.MsgspecError as cause:
            multiplier = self._crowd.multiplier if self._crowd is not None else 1.0
            return Answer(multiplier=multiplier, error=f"not an order: {cause}")
        return self.obey(order)

    def _read_orders(self, orders: IO[bytes], loop: asyncio.AbstractEventLoop) -> None:
        """A thread of its own. When stdin ends, so does everything, even if the event loop hangs."""
        with contextlib.suppress(RuntimeError, OSError):
            for line in orders:
                if line.strip():
                    loop.call_soon_threadsafe(self._obey_line, line)
            loop.call_soon_threadsafe(self.end, _RUNNER_GONE)
        timer = threading.Timer(2.0, os._exit, args=(1,))
        timer.daemon = True
        timer.start()


def files_for_customers() -> int:
    """How many customers can have a connection at the same time."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (1 << 30) if soft == resource.RLIM_INFINITY else max(1, soft - _FILES_RESERVED)


def _raise_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _config(arguments: argparse.Namespace, orders: IO[bytes]) -> Config:
    """Raises: OSError, msgspec.MsgspecError."""
    text = orders.readline() if arguments.config is None else Path(arguments.config).read_bytes()
    config = from_json(text, Config)
    if arguments.shard is not None:
        shard, shards = (int(part) for part in arguments.shard.split("/"))
        config = msgspec.structs.replace(config, shard=shard, shards=shards)
    if not 0 <= config.shard < config.shards:
        raise ValueError(f"shard {config.shard} of {config.shards}: it counts from 0")
    if config.engine not in ENGINES:
        raise ValueError(f"unknown engine {config.engine!r}. Known: {', '.join(ENGINES)}")
    return config


def main() -> int:
    """The exit status: 0 when told to stop, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m chaos.load.generator", description=__doc__)
    parser.add_argument("config", nargs="?", help="a file with the configuration; else the first line of stdin")
    parser.add_argument("--shard", help="K/N: take one N-th of the rate; K counts from 0")
    arguments = parser.parse_args()
    # The runner decides what an interrupt means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Only messages may go to the real stdout.
    output = Output(os.dup(1))
    os.dup2(2, 1)
    orders = sys.stdin.buffer
    _raise_limit()
    try:
        config = _config(arguments, orders)
        return _run(config, output, orders)
    except (SaleproofError, msgspec.MsgspecError, ValueError, OSError) as cause:
        output.send(Goodbye(at_us=0, reason=str(cause)))
        output.close(5.0)
        return 1


def _run(config: Config, output: Output, orders: IO[bytes]) -> int:
    async def whole() -> str:
        generator = Generator(config, output)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, generator.end, "it was sent SIGTERM")
        await generator.run(orders)
        return generator._why

    # What lives for ever need not be looked at by every collection: pauses are lag.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    try:
        import uvloop
    except ImportError:  # no wheel for this system
        why = asyncio.run(whole())
    else:
        why = uvloop.run(whole())
    output.close(5.0)
    return 1 if why else 0


if __name__ == "__main__":
    # The thread that reads stdin may be blocked in it, and the interpreter would wait for its lock.
    status = main()
    sys.stderr.flush()
    os._exit(status)
