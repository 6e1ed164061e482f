"""The embedded shop: cold `up` to ready, and `down`, as whole commands."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[1]
ROUNDS = 3


def main() -> int:
    times: dict[str, list[float]] = {"up": [], "down": []}
    with tempfile.TemporaryDirectory() as folder:
        env = os.environ | {"SALEPROOF_STATE": folder}
        for _ in range(ROUNDS):
            for command, taken in times.items():
                began = time.perf_counter()
                subprocess.run(
                    [BIN / "saleproof", command, "--platform", "embedded"],
                    cwd=ROOT,
                    env=env,
                    capture_output=True,
                    check=True,
                )
                taken.append(time.perf_counter() - began)
    print(f"cold up    {statistics.median(times['up']):5.1f} s   goal: under 8 s")
    print(f"down       {statistics.median(times['down']):5.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
