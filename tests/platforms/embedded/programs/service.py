"""A small service for the tests: answers HTTP with what it knows about itself, and misbehaves when told to."""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

# A child that nothing in its environment gives away, in a session of its own, like a PostgreSQL backend.
HIDDEN_CHILD = "import time\nwhile True: time.sleep(60)"

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--children", type=int, default=0, help="start so many that leave the session and the environment")
parser.add_argument("--deaf", action="store_true", help="ignore SIGTERM")
parser.add_argument("--mute", action="store_true", help="never listen")
parser.add_argument("--die-after", type=float, help="exit 3 after so many seconds")
parser.add_argument("--dies-while", type=Path, help="exit 4 at once while this file exists")
parser.add_argument("--share-port", action="store_true", help="the children hold the port too")
parser.add_argument("addresses", nargs="*", help="told back in `argv`")
args = parser.parse_args()

print(f"hello from pid {os.getpid()}", flush=True)
if args.dies_while and args.dies_while.exists():
    print("I cannot go on", flush=True)
    sys.exit(4)
if args.deaf:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if args.mute:
    print("waiting for a database that never comes", flush=True)
    time.sleep(600)

server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("127.0.0.1", args.port))
server.listen(16)
server.settimeout(0.1)
children = [
    subprocess.Popen(
        [sys.executable, "-S", "-c", HIDDEN_CHILD],
        env={},
        start_new_session=True,
        pass_fds=[server.fileno()] if args.share_port else [],
    ).pid
    for _ in range(args.children)
]
about = {"pid": os.getpid(), "children": children, "cwd": str(Path.cwd()), "env": dict(os.environ), "argv": sys.argv}
body = json.dumps(about).encode()
begun = time.monotonic()
while args.die_after is None or time.monotonic() - begun < args.die_after:
    try:
        client, _ = server.accept()
    except TimeoutError:
        continue
    with client:
        client.settimeout(2)
        try:
            client.recv(4096)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
        except OSError:
            pass
sys.exit(3)
