"""Records one run while it lasts. Any thread may call; one thread of its own writes.

`event` returns for a fault's event only once that is on the disk; everything else is written at least once a second,
requests as one packed chunk. When the database takes no more (full, locked, damaged, gone) the rest of the record goes
to a spool file, and the next `Store.open` brings it home; nothing is lost as long as either can be written.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec

from chaos.errors import SaleproofError
from chaos.model.event import (
    AnyEvent,
    FaultConfirmed,
    FaultFailed,
    FaultInjected,
    FaultIntended,
    FaultReverted,
    FaultStuck,
    RunEnded,
)
from chaos.store.database import Database
from chaos.store.errors import StoreError
from chaos.store.rows import Row, blob_row, event_row, journal_row, run_row
from chaos.store.spool import Spool
from chaos.store.tables import PARTS, runs

if TYPE_CHECKING:
    from chaos.model.journal import RunInfo, Sample
    from chaos.model.plan import Plan
    from chaos.model.requests import Requests

FLUSH_S = 1.0
# How long a fault's event waits for the disk before the caller hears that there is none.
DURABLE_WITHIN_S = 15.0
_DURABLE = (FaultIntended, FaultInjected, FaultFailed, FaultConfirmed, FaultReverted, FaultStuck, RunEnded)


@dataclass(kw_only=True)
class _Pending:
    """What waits to be written."""

    rows: list[tuple[str, Row]] = field(default_factory=list)
    requests: list[Requests] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    waiting: list[Future[None]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.rows or self.requests or self.samples or self.acknowledged or self.waiting)


class Recorder:
    """Made by `Store.record`. Use as a context manager, or call `finish`, which also closes."""

    def __init__(self, database: Database, info: RunInfo, plan: Plan) -> None:
        """Raises: StoreError or Refused when nothing can be recorded; the run must not start then."""
        self.run = info.id
        self.spooled: Path | None = None  # where the rest of the record went, if not into the database
        self.trouble = ""  # why, for people
        self._info, self._plan = info, plan
        self._database = database
        self._spool: Spool | None = None
        self._numbers: dict[str, int] = {}
        self._pending = _Pending()
        self._unwritten: list[tuple[str, Row]] = []  # neither the database nor a spool took them yet
        self._changed = threading.Condition()
        self._over = False
        self._closing = False
        self._closed = False
        with database.begin() as connection:
            connection.execute(runs.insert(), [run_row(info, plan)])
        self._thread = threading.Thread(target=self._write_until_closed, name="recorder", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What happens ---------------------------------------------------------------------------------------------------

    def event(self, event: AnyEvent) -> None:
        """Record one. Raises: StoreError, only for a fault that is about to be injected and cannot be written down; all
        other events are kept and tried again, since nothing may disturb a revert."""
        waiting: Future[None] | None = Future() if isinstance(event, _DURABLE) else None
        ended = (self._ended(event.status, datetime.now(UTC)),) if isinstance(event, RunEnded) else ()
        with self._changed:
            row = ("events", event_row(self.run, self._next("events"), event))
            if self._closed:  # somebody reverts late: say so in the record all the same, if it can be
                with contextlib.suppress(SaleproofError):
                    write_rows(self._database, [row])
                return
            # In one piece with all before it: whoever is killed right after its last word has ended as that says.
            self._pending.rows += [row, *ended]
            self._over |= bool(ended)
            if waiting is not None:
                self._pending.waiting.append(waiting)
                self._changed.notify()
        if waiting is None:
            return
        try:
            waiting.result(timeout=DURABLE_WITHIN_S)
        except (SaleproofError, TimeoutError) as cause:
            if isinstance(event, FaultIntended):
                reason = str(cause) or f"not on the disk within {DURABLE_WITHIN_S:g} s"
                raise StoreError(f"the fault was not injected, because it cannot be written down: {reason}") from cause

    def requests(self, chunk: Requests) -> None:
        """Record some; the columns are packed by the writing thread, about one chunk a second."""
        if len(chunk):
            with self._changed:
                self._pending.requests.append(chunk)

    def sample(self, sample: Sample) -> None:
        with self._changed:
            self._pending.samples.append(sample)

    def acknowledged(self, ids: Iterable[str]) -> None:
        """Ids that the shop has promised to keep."""
        with self._changed:
            self._pending.acknowledged.extend(ids)

    def chaostoolkit(self, journal: dict[str, Any]) -> None:
        """The engine's own journal; the last one counts."""
        with self._changed:
            self._pending.rows.append(("journals", journal_row(self.run, self._next("journals"), journal)))

    def finish(self, status: str, ended_at: datetime | None = None) -> None:
        """The run is over; everything is written when this returns. Raises: StoreError when something could be written
        nowhere (nothing of it is hidden), and says so in `trouble` when it went to a spool file."""
        with self._changed:
            self._pending.rows.append(self._ended(status, ended_at or datetime.now(UTC)))
        self.close()
        if self._unwritten:
            raise StoreError(f"the end of the record of {self.run} could be written nowhere: {self.trouble}")

    def _ended(self, status: str, at: datetime) -> tuple[str, Row]:
        return "runs", run_row(msgspec.structs.replace(self._info, status=status, ended_at=at), self._plan)

    def flush(self) -> None:
        """Everything so far is on the disk when this returns. Raises: StoreError."""
        waiting: Future[None] = Future()
        with self._changed:
            self._pending.waiting.append(waiting)
            self._changed.notify()
        try:
            waiting.result(timeout=DURABLE_WITHIN_S)
        except TimeoutError as cause:
            raise StoreError(f"nothing was written within {DURABLE_WITHIN_S:g} s") from cause

    def close(self) -> None:
        """Write what is left, and end the thread. Idempotent. The run keeps its status, so that it reads as
        killed unless `finish` was called."""
        with self._changed:
            if self._closed:
                return
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout=60)
        self._closed = True

    # The writing thread ---------------------------------------------------------------------------------------------

    def _write_until_closed(self) -> None:
        due_s = time.monotonic() + FLUSH_S
        while True:
            with self._changed:
                while not self._closing and not self._pending.waiting and time.monotonic() < due_s:
                    self._changed.wait(max(0.0, due_s - time.monotonic()))
                closing = self._closing
                whole = closing or self._over or not self._pending.waiting or time.monotonic() >= due_s
                batch = self._take(whole=whole)
            if whole:
                due_s = time.monotonic() + FLUSH_S
            self._write(batch)
            if closing and not self._pending:
                break
        if self._spool is not None:
            self._spool.close()

    def _take(self, *, whole: bool) -> _Pending:
        """Everything that waits; with a fault's event waiting in between, only what is cheap to write."""
        batch, self._pending = self._pending, _Pending()
        if not whole:
            self._pending.requests, batch.requests = batch.requests, []
            self._pending.samples, batch.samples = batch.samples, []
            self._pending.acknowledged, batch.acknowledged = batch.acknowledged, []
        return batch

    def _write(self, batch: _Pending) -> None:
        try:
            rows = [*self._unwritten, *batch.rows, *self._packed(batch)]
            self._unwritten = rows
            if rows:
                self._store(rows)
            self._unwritten = []
        except Exception as cause:  # whatever it is, the thread lives on and tries again
            self.trouble = str(cause)
            error = cause if isinstance(cause, SaleproofError) else StoreError(f"{type(cause).__name__}: {cause}")
            for waiting in batch.waiting:
                waiting.set_exception(error)
        else:
            for waiting in batch.waiting:
                waiting.set_result(None)

    def _packed(self, batch: _Pending) -> list[tuple[str, Row]]:
        rows: list[tuple[str, Row]] = []
        if batch.requests:
            from chaos.model.requests import Requests, pack

            joined = Requests.join(batch.requests)
            chunk = {"run": self.run, "seq": self._next("chunks"), "n": len(joined), "data": pack(joined)}
            rows.append(("chunks", chunk))
        if batch.samples:
            rows.append(("samples", blob_row(self.run, self._next("samples"), batch.samples)))
        if batch.acknowledged:
            rows.append(("acknowledged", blob_row(self.run, self._next("acknowledged"), batch.acknowledged)))
        return rows

    def _store(self, rows: list[tuple[str, Row]]) -> None:
        """Into the database; once that has failed, into the spool for the rest of the run, which keeps the order."""
        if self._spool is None:
            try:
                write_rows(self._database, rows)
            except SaleproofError as cause:
                self.trouble = str(cause)
            else:
                return
            self._spool = self._open_spool()
            self.spooled = self._spool.path
        self._spool.write(rows)

    def _open_spool(self) -> Spool:
        """Next to the database, or where temporary files go if its disk is full. Raises: StoreError."""
        reasons = [self.trouble]
        for folder in self._database.spools:
            try:
                spool = Spool(folder, self.run)
                spool.write([("runs", run_row(self._info, self._plan))])
            except OSError as cause:
                reasons.append(f"{folder}: {cause.strerror or cause}")
            else:
                return spool
        raise StoreError("; ".join(reasons))

    def _next(self, table: str) -> int:
        number = self._numbers.get(table, 0)
        self._numbers[table] = number + 1
        return number


def write_rows(database: Database, rows: list[tuple[str, Row]]) -> None:
    """In one transaction. Rows that are there already stay; a run's row is updated. Raises: as `Database.begin`."""
    with database.begin() as connection:
        for name, table in PARTS.items():
            database.add(connection, table, [row for kind, row in rows if kind == name])
        for row in (row for kind, row in rows if kind == "runs"):
            database.add(connection, runs, [row])
            if row["status"] is not None:
                connection.execute(runs.update().where(runs.c.id == row["id"]).values(**row))
