"""Carries votes from redis into the db, one after the other, on connections that it keeps."""

import contextlib
import os
import time

import clients

redis, db = clients.redis(os.environ["REDIS_HOST"]), clients.db(os.environ["DB_HOST"])
while True:
    with contextlib.suppress(OSError):
        vote = redis.ask(b"LPOP votes\r\n")
        if not vote.startswith(b"$-"):
            db.ask(b"vote " + vote + b"\n")
            continue
        db.ask(b"count\n")
    time.sleep(0.1)
