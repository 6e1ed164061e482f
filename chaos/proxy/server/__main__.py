"""`python -m chaos.proxy.server`: the fault proxy as a process of its own, until SIGTERM or SIGINT.

Exit codes: 0 stopped by a signal, 64 usage, 65 a bad --config file, 69 the API's port cannot be had.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import resource
import secrets
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, NoReturn

log = logging.getLogger("saleproof.proxy")

DEFAULT_DIAL_TIMEOUT_S = 10.0


class Parser(argparse.ArgumentParser):
    """Usage errors exit with 64, as everywhere in Saleproof."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(64, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m chaos.proxy.server", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="where the API listens (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8474, help="the API's port; 0 picks a free one (default: 8474)")
    parser.add_argument("--config", type=Path, help="a JSON file of proxies to create, as for POST /populate")
    parser.add_argument("--seed", type=int, help="makes toxicity and jitter repeatable (default: a random one)")
    parser.add_argument("--port-file", type=Path, help="write the API's port here once it answers")
    parser.add_argument("--log-file", type=Path, help="append the log here (default: stderr)")
    parser.add_argument(
        "--dial-timeout",
        type=float,
        default=DEFAULT_DIAL_TIMEOUT_S,
        metavar="SECONDS",
        help=f"give up on an upstream that does not answer (default: {DEFAULT_DIAL_TIMEOUT_S:g})",
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    return parser


def _raise_open_files_limit() -> None:
    """Two sockets a connection: 500 connections are near the usual soft limit of 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError) as error:
        log.warning("the open files limit stays as it is: %s", error)


def _write_port(path: Path, port: int) -> None:
    """Whoever sees the file sees the whole of it."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(f"{port}\n")
    fresh.replace(path)


async def _serve(args: argparse.Namespace) -> int:
    from aiohttp import web

    from chaos.proxy.server.api import VERSION, Api
    from chaos.proxy.server.apierror import ApiError
    from chaos.proxy.server.collection import Collection
    from chaos.proxy.server.decode import read_objects
    from chaos.proxy.server.leaseholder import LeaseHolder

    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)

    seed = secrets.randbits(63) if args.seed is None else args.seed
    collection = Collection(seed=seed, dial_timeout_s=args.dial_timeout)
    leases = LeaseHolder(collection)
    runner = web.AppRunner(Api(collection, leases).application(), access_log=None)
    await runner.setup()
    watching = asyncio.create_task(leases.watch(), name="leases")
    # Without it nothing is taken back by itself any more: better no proxy than one that lies.
    watching.add_done_callback(lambda task: None if task.cancelled() else stopping.set())
    try:
        if args.config is not None:
            try:
                await collection.populate(read_objects(args.config.read_bytes()), [])
            except (OSError, ApiError) as error:
                log.error("%s: %s", args.config, error)  # noqa: TRY400 - the message says it all
                return 65
        site = web.TCPSite(runner, args.host, args.port, shutdown_timeout=1.0)
        try:
            await site.start()
        except OSError as error:
            log.error("the API cannot listen at %s:%d: %s", args.host, args.port, error)  # noqa: TRY400
            return 69
        port = int(runner.addresses[0][1])
        if args.port_file is not None:
            _write_port(args.port_file, port)
        log.info("fault proxy %s, API at %s:%d, seed %d, pid %d", VERSION, args.host, port, seed, os.getpid())
        # What was made so far lives as long as the process: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        await stopping.wait()
        log.info("stopping")
        return 0
    finally:
        watching.cancel()
        await collection.stop()
        await runner.cleanup()


def _run(main: Coroutine[Any, Any, int]) -> int:
    try:
        import uvloop
    except ImportError:
        log.warning("uvloop is missing: the standard event loop is slower")
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def main(arguments: list[str] | None = None) -> int:
    args = _parser().parse_args(arguments)
    if args.version:
        from chaos.proxy.server.api import VERSION

        sys.stdout.write(json.dumps({"version": VERSION}) + "\n")
        return 0
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", filename=args.log_file)
    _raise_open_files_limit()
    return _run(_serve(args))


if __name__ == "__main__":
    sys.exit(main())
