"""`python3 -m chaos.agent VERB JSON`: one JSON answer on stdout, `{"result": ...}` or `{"error": "..."}`."""

from __future__ import annotations

import importlib
import json
import sys

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
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
