"""A connection to where runs are recorded: a SQLite file, private to its user, or a PostgreSQL URL."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from chaos.store.errors import NoStore, StoreError, explained
from chaos.store.tables import prepare

# How long a writer waits for another one, in seconds. Ours hold the lock for milliseconds; a fault's record must not
# wait for long for a stranger's.
BUSY_S = 2.0


class Database:
    """`shown` is how messages name it: the path, or the URL without its password. Made if missing, unless `make` is
    False."""

    def __init__(self, where: str | Path, *, make: bool = True) -> None:
        text = str(where)
        self._make = make
        self.path: Path | None = None
        if text.startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
            url = "postgresql+psycopg://" + text.split("://", 1)[1]
            self.engine = create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 5})
            self.shown = self.engine.url.render_as_string(hide_password=True)
        elif "://" in text and not text.startswith("sqlite:///"):
            raise StoreError(f"{text.split('://')[0]}:// is no store; write a file's path or postgresql://...")
        else:
            self.path = Path(text.removeprefix("sqlite:///")).expanduser().absolute()
            self.shown = str(self.path)
            self.engine = _sqlite(self.path, make=make)
        try:
            self._prepare()
        except BaseException:
            self.engine.dispose()
            raise

    def _prepare(self) -> None:
        """Of two programs that make one store at the same moment the slower one finds the tables, and looks again."""
        try:
            with self.begin() as connection:
                prepare(connection, self.shown, make=self._make)
        except StoreError:
            with self.begin() as connection:
                prepare(connection, self.shown, make=self._make)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One transaction, durable when it ends. Raises: StoreError, Refused when it is locked, Unavailable."""
        try:
            with self.engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, OSError) as cause:
            raise explained(cause, self.shown) from cause

    @property
    def spools(self) -> tuple[Path, Path]:
        """Where records go that could not be written here: next to it, else where temporary files go."""
        mark = hashlib.sha256(self.shown.encode()).hexdigest()[:8]
        spare = Path(tempfile.gettempdir()) / f"saleproof-{os.getuid()}-{mark}.spool"
        if self.path is not None:
            return self.path.with_name(self.path.name + ".spool"), spare
        from chaos.state import state_dir

        return state_dir() / f"{mark}.spool", spare

    def add(self, connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
        """Insert; rows that are there already are left as they are."""
        if rows:
            dialect = sqlite if self.path is not None else postgresql
            connection.execute(dialect.insert(table).on_conflict_do_nothing(), rows)


def _sqlite(path: Path, *, make: bool) -> Engine:
    try:
        if not make and not path.exists():
            raise NoStore(str(path))
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True, mode=0o700)
        # Made by us before SQLite can make it with wider rights; its side files get the same ones.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as cause:
        raise StoreError(f"the store {path} cannot be opened: {cause.strerror or cause}") from cause
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_S})

    @event.listens_for(engine, "connect")
    def settings(connection: Any, _record: Any) -> None:
        # WAL: readers and a writer at the same time. FULL: a commit is on the disk when it returns. A cache of 256 KiB
        # instead of 2 MiB: who appends, and reads in order, needs none, and a run's memory grew by it for hours.
        for line in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-256"):
            connection.execute(f"PRAGMA {line}").close()

    return engine
