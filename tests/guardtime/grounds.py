"""Two targets that are up, and a look at them from outside: nothing of `chaos` is asked whether they are broken."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ANSWER_S = 1.0


class Ground:
    """Up while entered. Afterwards nothing is left of it."""

    platform = "embedded"

    def __enter__(self) -> Ground:
        self.folder = Path(tempfile.mkdtemp(prefix="guard-"))  # short: a unix socket's path lies in it
        self.state = self.folder / "state"
        self.target = self.folder / "stopwatch.yaml"
        try:
            self.target.write_text(self.text())
            self.look(self.saleproof("up", timeout_s=180))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.saleproof("recover")
        self.saleproof("down")
        shutil.rmtree(self.folder, ignore_errors=True)

    def text(self) -> str:
        program = ROOT / "tests" / "faults" / "tinyshop.py"
        text = (HERE / "embedded.yaml").read_text()
        return text.replace("PROGRAM", str(program)).replace("FRONT", str(HERE / "front.py"))

    def environment(self) -> dict[str, str]:
        return {**os.environ, "SALEPROOF_STATE": str(self.state), "NO_COLOR": "1"}

    def words(self, *words: str) -> list[str]:
        where = [] if words[0] == "recover" else ["--target", str(self.target)]
        on = ["--platform", self.platform] if words[0] in ("run", "up", "down") else []
        return [sys.executable, "-m", "chaos", *words, *where, *on]

    def saleproof(self, *words: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.words(*words), cwd=ROOT, env=self.environment(), capture_output=True, text=True, check=False,
            timeout=timeout_s,
        )  # fmt: skip

    def look(self, up: subprocess.CompletedProcess[str]) -> None:
        """Learn where its parts are. Raises: RuntimeError."""
        if up.returncode:
            raise RuntimeError(up.stderr)
        status = json.loads(self.saleproof("status", "--json").stdout)
        self.api = str(status["proxy_api"])
        self.web = next(str(one["address"]) for one in status["services"] if one["name"].startswith("web"))

    def broken(self, kind: str) -> bool:
        """As others see it: Toxiproxy's API, the kernel's list of processes, the web server's own answer."""
        if kind == "link":
            _, body = _get(self.api, "/proxies")
            proxies = json.loads(body or "{}").values()
            return not proxies or any(not proxy["enabled"] or proxy["toxics"] for proxy in proxies)
        return self.frozen() if kind == "pause" else _get(self.web, "/healthz")[0] != 200

    def frozen(self) -> bool:
        """Is a process of the target stopped?"""
        for path in Path("/proc").glob("[0-9]*"):
            try:
                letter = (path / "stat").read_text().rpartition(")")[2].split()[0]
                if letter == "T" and str(self.state).encode() in (path / "environ").read_bytes():
                    return True
            except OSError:
                continue
        return False


class Containers(Ground):
    """The same in containers, by the Compose file of the conformance tests with the front in the edge's place."""

    platform = "compose"

    def text(self) -> str:
        sys.path.insert(0, str(ROOT / "tests"))
        from offline_images import variables

        from chaos.platforms.compose import agent, image
        from chaos.platforms.compose.engine import connect

        self.project = f"saleproof-guard-{uuid.uuid4().hex[:6]}"
        self.engine = connect()
        self.own = {**variables(), "TINY_IMAGE": image.ensure(self.engine)}
        source = ROOT / "tests" / "conformance"
        compose = (source / "compose.yaml").read_text()
        compose = compose.replace("../faults/tinyshop.py", str(ROOT / "tests" / "faults" / "tinyshop.py"))
        compose = compose.replace("./proxies.json", str(source / "proxies.json"))
        front = f'volumes: ["{HERE / "front.py"}:/front.py:ro"]\n    networks: [outer]'
        command = 'command: [python3, /front.py, "8000", "toxiproxy:21001", 0.0.0.0]'
        compose = compose.replace("networks: [outer]", f"{command}\n    {front}", 1)
        (self.folder / "compose.yaml").write_text(compose)
        text = (ROOT / "tests" / "e2e" / "tiny.yaml").read_text().replace("target: tiny", "target: stopwatch")
        text = text.replace("rate: 50/s", "rate: 130/s")
        del agent
        return text.replace("PROJECT", self.project).replace("FILES", str(self.folder / "compose.yaml"))

    def environment(self) -> dict[str, str]:
        return {**super().environment(), **self.own, "DOCKER_HOST": self.engine.endpoint.host}

    def frozen(self) -> bool:
        found = self.engine.client.api.containers(
            filters={"label": [f"com.docker.compose.project={self.project}"], "status": ["paused"]}
        )
        return bool(found)


def _get(address: str, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(address, timeout=ANSWER_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()


def start_time_s(times: int = 7) -> float:
    """How long the web server takes from being started to answering, by itself: the median."""
    import socket
    import statistics
    import time

    found: list[Any] = []
    for _ in range(times):
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            port = sock.getsockname()[1]
        began_s = time.monotonic()
        server = subprocess.Popen([sys.executable, str(ROOT / "tests/faults/tinyshop.py"), "serve", str(port)])
        while _get(f"127.0.0.1:{port}", "/healthz")[0] != 200:
            time.sleep(0.005)
        found.append(time.monotonic() - began_s)
        server.terminate()
        server.wait()
    return float(statistics.median(found))
