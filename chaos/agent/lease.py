"""`lease`: make, renew or give back a lease, or entrust the keeper with the undo record of a fault under it; or ask how
many runs still need it."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

from chaos.errors import Unavailable

SOCKET = "/run/saleproof/keeper.sock"  # where the keeper listens
# A keeper that was started a moment ago needs one.
LISTENS_WITHIN_S = 3.0
ANSWERS_WITHIN_S = 2.0


def run(**request: Any) -> Any:
    """Raises: Unavailable."""
    until_s = time.monotonic() + LISTENS_WITHIN_S
    while True:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
                server.settimeout(ANSWERS_WITHIN_S)
                server.connect(SOCKET)
                with server.makefile("rwb") as file:
                    file.write(json.dumps(request).encode() + b"\n")
                    file.flush()
                    answer = json.loads(file.readline())
                break
        except (FileNotFoundError, ConnectionRefusedError) as cause:
            if time.monotonic() > until_s:
                raise Unavailable(f"the keeper does not answer: {cause}") from cause
            time.sleep(0.02)
    if "error" in answer:
        raise Unavailable(answer["error"])
    return answer["result"]
