"""The whole shop as processes of this one: `python -m targets.shop.local --state FOLDER [--variant fragile]`.

For a look at the shop alone, for its tests and for measuring its capacity: no proxies, no restarts. Everything listens
on loopback, on free ports, and ends with this process.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

# How long the slowest part may take on a busy machine.
PATIENCE_S = 60.0


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class LocalShop:
    """Start parts by name, find them by name, stop all of them. A context manager.

    `switches` are environment variables for every part: SHOP_VARIANT, SHOP_CACHE=off, PAYMENTS_DELAY_MS and so on.
    `through` says where the others find a part, when not at its own address: name -> host:port.
    """

    def __init__(
        self,
        state: Path,
        *,
        web: int = 3,
        switches: Mapping[str, str] | None = None,
        through: Mapping[str, str] | None = None,
    ) -> None:
        self.state = state
        self.through = dict(through or {})
        self.webs = [f"web-{number + 1}" for number in range(web)]
        self.switches = dict(switches or {})
        names = ["db", "replica", "cache", "payments", "edge", "edge-admin", *self.webs]
        self.ports = {name: free_port() for name in names}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def address(self, name: str) -> str:
        return f"127.0.0.1:{self.ports[name]}"

    def url(self, name: str, path: str = "/") -> str:
        return f"http://{self.address(name)}{path}"

    def dsn(self, *, node: str = "db", user: str = "shop_ro") -> str:
        return f"postgresql://{user}@{self.address(node)}/shop?sslmode=disable"

    def start(self, *names: str) -> None:
        """Start these parts (default: all) and wait until each answers. Raises: RuntimeError with the part's log."""
        for name in names or ("db", "cache", "payments", *self.webs, "edge", "replica"):
            if name == "replica":
                self.wait("db")
            self._launch(name)
        for name in names or tuple(self.processes):
            self.wait(name)

    def wait(self, name: str) -> None:
        """Return when `name` answers."""
        give_up = time.monotonic() + PATIENCE_S
        while not self._answers(name):
            process = self.processes[name]
            if process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"{name} did not start: {self._log(name).read_text()[-2000:]}")
            time.sleep(0.03)

    def signal(self, name: str, number: int) -> None:
        """Send a signal to a part and its children (PostgreSQL's are in sessions of their own)."""
        process = self.processes[name]
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, check=False)
        for pid in (process.pid, *(int(word) for word in children.stdout.split())):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self, name: str) -> None:
        """`kill -9` of the main process alone."""
        self.processes[name].kill()
        self.processes[name].wait()

    def stop(self, name: str) -> None:
        """End a part in its own good way, or after 5 s in the other one."""
        process = self.processes.pop(name)
        self._end(name, process)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def __enter__(self) -> LocalShop:
        return self

    def __exit__(self, *_: object) -> None:
        for name, process in self.processes.items():
            self._end(name, process)
        for name in list(self.processes):
            self.stop(name)

    @staticmethod
    def _end(name: str, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            # A stopped process ends only once it goes on. SIGTERM would let PostgreSQL wait for its clients.
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGINT if name in ("db", "replica") else signal.SIGTERM)

    def _log(self, name: str) -> Path:
        return self.state / f"{name}.log"

    def _answers(self, name: str) -> bool:
        try:
            if name in ("db", "replica"):
                import psycopg

                psycopg.connect(self.dsn(node=name), connect_timeout=2).close()
            elif name == "cache":
                socket.create_connection(("127.0.0.1", self.ports[name]), 1).close()
            else:
                path = "/healthz" if name == "payments" else "/readyz"
                with urllib.request.urlopen(self.url(name, path), timeout=2) as answer:  # noqa: S310 - our own http
                    return bool(answer.status == 200)
        except Exception:
            return False
        return True

    def _launch(self, name: str) -> None:
        folder = self.state / name
        folder.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, **self.switches, "INSTANCE": name}
        seen = {part: self.through.get(part, self.address(part)) for part in ("db", "replica", "cache", "payments")}
        environment |= {
            "DB_HOSTS": f"{seen['db']},{seen['replica']}",
            "CACHE": seen["cache"],
            "PAYMENTS": seen["payments"],
        }
        with self._log(name).open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", *self._command(name, folder)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=Path(__file__).parents[2],
            )

    def _command(self, name: str, folder: Path) -> Sequence[str]:
        port = str(self.ports[name])
        match name:
            case "db":
                return ["targets.shop.postgres", "primary", "--port", port, "--data", str(folder)]
            case "replica":
                source = ["--primary", self.address("db")]
                return ["targets.shop.postgres", "replica", "--port", port, "--data", str(folder), *source]
            case "cache":
                return ["targets.shop.valkey", "--port", port]
            case "payments":
                return ["targets.shop.payments", "--port", port, "--state", str(folder)]
            case "edge":
                backends = ",".join(self.through.get(web, self.address(web)) for web in self.webs)
                admin = ["--admin-port", str(self.ports["edge-admin"]), "--expected", str(len(self.webs))]
                return ["targets.shop.envoy", "--port", port, *admin, "--backends", backends, "--state", str(folder)]
            case _:
                return ["targets.shop.web", "--port", port]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m targets.shop.local", description=__doc__)
    parser.add_argument("--state", type=Path, help="where it keeps its data; default: a folder that goes with it")
    parser.add_argument("--variant", choices=["resilient", "fragile"], default="resilient")
    parser.add_argument("--web", type=int, default=3)
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="shop-") as temporary:
        state = (args.state or Path(temporary)).resolve()
        with (
            LocalShop(state, web=args.web, switches={"SHOP_VARIANT": args.variant}) as shop,
            suppress(KeyboardInterrupt),
        ):
            started = time.monotonic()
            shop.start()
            seconds = time.monotonic() - started
            print(f"{shop.url('edge')}  {args.variant}, up after {seconds:.1f} s; Ctrl-C ends it", flush=True)  # noqa: T201
            for name in shop.ports:
                print(f"  {name:10} {shop.address(name)}", flush=True)  # noqa: T201
            signal.pause()


if __name__ == "__main__":
    main()
