"""The load that is held while faults are on: whole runs on the embedded shop, with a slow database and a growing surge.

`python -m bench.held [TIMES ...]`. The generator holds a load while 99 of 100 requests go out within 50 ms of when they
were to; what the shop makes of them is another matter, and is in the last column.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from chaos.model.event import FaultConfirmed, FaultReverted
from chaos.model.journal import Journal
from chaos.store import Store

ROOT = Path(__file__).parents[1]
TIMES = (1.0, 2.0, 4.0, 6.0, 8.0)
LAG_P99_MS = 50.0
EXPERIMENT = """\
title: A slow database, and {times:g} times the customers
target: shop
windows: {{warm-up: 3s, before: 10s, after: 5s}}
hypothesis: [availability >= 50%]
method:
  - together:
      - latency: {{link: web -> db, delay: 50ms, for: 30s}}
      - {second}
recovery: 5s
"""


def main() -> int:
    times = [float(word) for word in sys.argv[1:]] or TIMES
    print(f"{'surge':>8} {'requests/s':>12} {'requests':>10} {'sent late, p99':>16} {'answered well':>15}")
    with tempfile.TemporaryDirectory(prefix="held-") as folder:
        env = {**os.environ, "SALEPROOF_STATE": folder, "DOCKER_HOST": "unix:///there/is/none"}
        try:
            _saleproof(env, "up", "--platform", "embedded")
            for each in times:
                _print(each, _run(each, Path(folder), env))
        finally:
            _saleproof(env, "recover")
            _saleproof(env, "down", "--platform", "embedded")
    return 0


def _run(times: float, folder: Path, env: dict[str, str]) -> Journal:
    # With as many customers as ever, another fault takes the surge's place.
    second = f"surge: {{times: {times:g}, for: 30s}}"
    if times <= 1:
        second = "latency: {link: web -> cache, delay: 50ms, for: 30s}"
    file = folder / "held.yaml"
    file.write_text(EXPERIMENT.format(times=times, second=second))
    done = _saleproof(env, "run", str(file), "--platform", "embedded", "--json", check=False)
    try:
        verdict = json.loads(done.stdout)
    except ValueError:
        raise SystemExit(done.stdout + done.stderr) from None
    if done.returncode:
        print(f"         exit {done.returncode}: {verdict['reasons'][0]}")
    with Store.open(folder / "runs.db") as store:
        return store.read(verdict["run"])


def _print(times: float, journal: Journal) -> None:
    """All that was to be sent while every fault was on."""
    since_s = max((e.at_s for e in journal.events if isinstance(e, FaultConfirmed)), default=0.0)
    until_s = min((e.at_s for e in journal.events if isinstance(e, FaultReverted)), default=0.0)
    start_s = journal.requests.start_us / 1e6
    there = (start_s >= since_s) & (start_s < until_s)
    count = int(there.sum())
    if not count:
        print(f"{times:>7g}x no fault was on")
        return
    lag_ms = float(np.percentile(journal.requests.lag_us[there], 99, method="inverted_cdf")) / 1000
    well = float((journal.requests.failure[there] == 0).mean())
    rate = count / (until_s - since_s)
    held = "" if lag_ms <= LAG_P99_MS else "  not held"
    print(f"{times:>7g}x {rate:>12.0f} {count:>10,} {lag_ms:>13.1f} ms {well:>15.2%}{held}", flush=True)


def _saleproof(env: dict[str, str], *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "chaos", *words], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    if check and done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return done


if __name__ == "__main__":
    sys.exit(main())
