"""`python3 -m chaos.agent VERB JSON [NAME]`: one JSON answer on stdout, `{"result": ...}` or `{"error": "..."}`; with a
NAME it is kept too, for a minute, under that name. Docker 20.10 loses what an exec prints about once in 150 times."""

from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path

KEPT = Path("/run/saleproof/answers")
KEPT_S = 60.0

# verb -> the module whose `run(**arguments)` does it. Each is imported alone: a call is to be quick.
VERBS = {
    "keep": "keep",
    "measure": "measure",
    "ask": "ask",
    "kill": "kill",
    "rules": "rules",
    "queue": "queue",
    "ping": "ping",
    "lookup": "lookup",
    "namespace": "namespace",
    "netem": "netem",
    "cpu": "cpu",
    "memory": "memory",
    "hog": "hog",
    "oom": "oom",
    "fill": "fill",
    "disk": "disk",
    "sidecar": "sidecar",
    "divert": "divert",
    "bypassing": "bypassing",
    "sweep": "sweep",
    "users": "users",
    "connections": "connections",
    "lease": "lease",
}


def main() -> int:
    verb, arguments = sys.argv[1], json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}
    try:
        module = importlib.import_module(f"chaos.agent.{VERBS[verb]}")
        answer = {"result": module.run(**arguments)}
    except Exception as cause:
        answer = {"error": str(cause) or type(cause).__name__}
    text = json.dumps(answer) + "\n"
    if len(sys.argv) > 3:
        keep(sys.argv[3], text)
    sys.stdout.write(text)
    return 0


def keep(name: str, text: str) -> None:
    KEPT.mkdir(mode=0o700, parents=True, exist_ok=True)
    old = time.time() - KEPT_S
    for other in KEPT.iterdir():
        try:
            if other.stat().st_mtime < old:
                other.unlink()
        except FileNotFoundError:
            continue  # another call was quicker
    (KEPT / name).write_text(text)


if __name__ == "__main__":
    sys.exit(main())
