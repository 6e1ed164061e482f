"""Whole commands against their yardsticks: `--help`, `validate`, and a trivial experiment."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[1]
ROUNDS = 11

TRIVIAL = {
    "version": "1.0.0",
    "title": "A trivial experiment",
    "description": "One probe before and after, one action.",
    "steady-state-hypothesis": {
        "title": "true is true",
        "probes": [
            {
                "type": "probe", "name": "exists", "tolerance": True,
                "provider": {"type": "python", "module": "os.path", "func": "exists", "arguments": {"path": "/"}},
            }
        ],
    },
    "method": [
        {
            "type": "action", "name": "nothing",
            "provider": {"type": "python", "module": "os", "func": "getcwd"},
        }
    ],
    "rollbacks": [],
}  # fmt: skip


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        trivial = Path(folder) / "trivial.json"
        trivial.write_text(json.dumps(TRIVIAL))
        ours = str(ROOT / "experiments/db-latency-spike.yaml")
        env = os.environ | {"SALEPROOF_STATE": folder, "CHAOSTOOLKIT_NO_VERSION_CHECK": "1"}
        saleproof, chaos, python = str(BIN / "saleproof"), str(BIN / "chaos"), sys.executable
        toolkit_run = [chaos, "--no-version-check", "run", "--journal-path", str(Path(folder) / "j.json"), str(trivial)]
        pairs = [
            ("saleproof --help", [saleproof, "--help"], "python -c pass", [python, "-c", "pass"], "at most 4"),
            (
                "saleproof validate (ours)", [saleproof, "validate", ours],
                "chaos validate", [chaos, "--no-version-check", "validate", str(trivial)], "at most 0.5",
            ),
            (
                "saleproof validate (same file)", [saleproof, "validate", str(trivial)],
                "chaos validate", [chaos, "--no-version-check", "validate", str(trivial)], "at most 0.5",
            ),
            (
                "saleproof run trivial.json", [saleproof, "run", str(trivial)],
                "chaos run trivial.json", toolkit_run, "at most 1",
            ),
        ]  # fmt: skip
        print(f"{'command':<32}{'median':>9}   {'against':<24}{'median':>9}   {'ratio':>6}   goal")
        for name, command, other_name, other, goal in pairs:
            mine, theirs = interleaved(command, other, env, folder)
            ratio = statistics.median(a / b for a, b in zip(mine, theirs, strict=True))
            a, b = statistics.median(mine) * 1e3, statistics.median(theirs) * 1e3
            print(f"{name:<32}{a:>6.0f} ms   {other_name:<24}{b:>6.0f} ms   {ratio:>6.2f}   {goal}", flush=True)
    return 0


def interleaved(one: list[str], other: list[str], env: dict[str, str], folder: str) -> tuple[list[float], list[float]]:
    """Seconds of each, in turn, so that a machine that slows down slows both. The first round does not count."""
    took: tuple[list[float], list[float]] = ([], [])
    for number in range(ROUNDS + 1):
        for command, times in zip((one, other), took, strict=True):
            began = time.perf_counter()
            done = subprocess.run(command, env=env, cwd=folder, capture_output=True, check=False)
            if done.returncode:
                raise SystemExit(f"{' '.join(command)} exited with {done.returncode}: {done.stderr.decode()[-500:]}")
            if number:
                times.append(time.perf_counter() - began)
    return took


if __name__ == "__main__":
    sys.exit(main())
