"""Reading and keeping the recorded runs. Many readers may read while a run writes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import msgspec
from sqlalchemy import Connection, Row, Table, func, select

import chaos
from chaos.errors import SaleproofError, UsageError, nearest
from chaos.model.base import from_json, to_json
from chaos.model.event import AnyEvent
from chaos.model.journal import Journal, RunInfo
from chaos.model.plan import Plan
from chaos.model.verdict import Verdict
from chaos.store import series as seconds
from chaos.store.database import Database
from chaos.store.errors import StoreError
from chaos.store.recorder import Recorder, write_rows
from chaos.store.rows import event_of, event_row, ids_of, journal_of, journal_row, samples_of
from chaos.store.spool import claimed, lines
from chaos.store.summary import RunSummary
from chaos.store.tables import PARTS, acknowledged, chunks, events, journals, runs, samples, series, verdicts


class Store:
    """Open with `Store.open`. Raises everywhere: StoreError; Refused when it is locked; Unavailable when it does not
    answer."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.imported: tuple[str, ...] = ()  # runs whose spool files were brought home on opening

    @classmethod
    def open(cls, where: str | Path | None = None) -> Self:
        """A file's path or a `postgresql://` URL; by default `runs.db` in the state folder. Made if missing."""
        if where is None:
            from chaos.state import state_dir

            where = state_dir() / "runs.db"
        store = cls(Database(where))
        try:
            store.imported = tuple(store._import_spools())
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        self._database.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Writing --------------------------------------------------------------------------------------------------------

    def record(self, info: RunInfo, plan: Plan) -> Recorder:
        """Begin to record a run. Raises: StoreError; then nothing may be disturbed."""
        return Recorder(self._database, info, plan)

    def append(self, run_id: str, happened: Iterable[AnyEvent], status: str | None = None) -> None:
        """Add events to a run that nobody records any more: what a watchdog or `recover` did after the runner died.
        With a status, the run ended so, now."""
        new = tuple(happened)
        with self._database.begin() as connection:
            run = self._row(connection, run_id).id
            last = connection.execute(select(func.max(events.c.seq)).where(events.c.run == run)).scalar()
            first = 0 if last is None else last + 1
            rows = [event_row(run, first + i, event) for i, event in enumerate(new)]
            if rows:
                connection.execute(events.insert(), rows)
            if status is not None:
                self._end(connection, run, status)

    def keep_journal(self, run_id: str, journal: dict[str, Any]) -> None:
        """The engine's own journal, which is whole only after the run was judged; the last one counts."""
        with self._database.begin() as connection:
            run = self._row(connection, run_id).id
            last = connection.execute(select(func.max(journals.c.seq)).where(journals.c.run == run)).scalar()
            connection.execute(journals.insert(), [journal_row(run, 0 if last is None else last + 1, journal)])

    def save_verdict(self, verdict: Verdict) -> None:
        """Keep one more; the latest is shown, the older ones stay."""
        with self._database.begin() as connection:
            run = self._row(connection, verdict.run).id
            last = connection.execute(select(func.max(verdicts.c.seq)).where(verdicts.c.run == run)).scalar()
            row = {
                "run": run,
                "seq": 0 if last is None else last + 1,
                "judged_at": datetime.now(UTC).isoformat(),
                "version": chaos.__version__,
                "outcome": verdict.outcome.value,
                "exit_code": verdict.exit_code,
                "data": to_json(verdict).decode(),
            }
            connection.execute(verdicts.insert(), [row])

    def delete(self, run_id: str) -> None:
        """Forget one run, all of it."""
        with self._database.begin() as connection:
            run = self._row(connection, run_id).id
            for table in PARTS.values():
                connection.execute(table.delete().where(table.c.run == run))
            connection.execute(runs.delete().where(runs.c.id == run))

    # Reading --------------------------------------------------------------------------------------------------------

    def runs(self, limit: int = 20) -> list[RunSummary]:
        """Newest first, each with its latest verdict."""
        with self._database.begin() as connection:
            rows = connection.execute(select(runs).order_by(runs.c.started_at.desc(), runs.c.id.desc()).limit(limit))
            return [_summary(row, _latest_verdict(connection, row.id)) for row in rows.all()]

    def read(self, run_id: str) -> Journal:
        """All that is recorded of one run: its id, an unambiguous beginning of it, or `last`.

        Raises: UsageError with the nearest ids; StoreError when a part is damaged.
        """
        from chaos.model.requests import Requests, unpack

        with self._database.begin() as connection:
            row = self._row(connection, run_id)
            parts = {t.name: _data(connection, t, row.id) for t in (events, chunks, samples, acknowledged, journals)}
        try:
            info = from_json(row.info, RunInfo)
            return Journal(
                run=info,
                plan=from_json(row.plan, Plan),
                events=tuple(event_of(data) for data in parts["events"]),
                requests=Requests.join([unpack(chunk) for chunk in parts["chunks"]]),
                samples=samples_of(parts["samples"]),
                acknowledged=ids_of(parts["acknowledged"]),
                chaostoolkit=journal_of(parts["journals"][-1]) if parts["journals"] else {},
            )
        except (ValueError, msgspec.MsgspecError) as cause:
            raise StoreError(f"the record of {row.id} in {self._database.shown} is damaged: {cause}") from cause

    def verdict(self, run_id: str) -> Verdict | None:
        """The latest one of a run; None when it was never judged."""
        with self._database.begin() as connection:
            found = _latest_verdict(connection, self._row(connection, run_id).id)
        return None if found is None else from_json(found.data, Verdict)

    def series(self, run_id: str) -> tuple[seconds.Series, ...]:
        """Each step second by second; worked out at the first call after the run's end, and kept."""
        with self._database.begin() as connection:
            row = self._row(connection, run_id)
            kept = _data(connection, series, row.id)
        if kept:
            return tuple(seconds.unpacked(blob) for blob in kept)
        found = seconds.per_second(self.read(row.id).requests)
        if row.status is not None:  # still growing otherwise
            rows = [
                ("series", {"run": row.id, "seq": i, "step": s.step, "data": seconds.packed(s)})
                for i, s in enumerate(found)
            ]
            write_rows(self._database, rows)
        return found

    def _end(self, connection: Connection, run: str, status: str) -> None:
        info = from_json(self._row(connection, run).info, RunInfo)
        ended = datetime.now(UTC)
        whole = msgspec.structs.replace(info, status=status, ended_at=ended)
        connection.execute(
            runs.update()
            .where(runs.c.id == run)
            .values(status=status, ended_at=ended.isoformat(), info=to_json(whole).decode())
        )

    def _row(self, connection: Connection, run_id: str) -> Row[Any]:
        """The run's row. Raises: UsageError."""
        newest = select(runs).order_by(runs.c.started_at.desc(), runs.c.id.desc())
        if run_id == "last":
            row = connection.execute(newest.limit(1)).first()
            if row is None:
                raise UsageError("nothing is recorded yet")
            return row
        exact = connection.execute(select(runs).where(runs.c.id == run_id)).first()
        if exact is not None:
            return exact
        found = connection.execute(newest.where(runs.c.id.startswith(run_id, autoescape=True)).limit(6)).all()
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(f"several runs begin with '{run_id}': {', '.join(row.id for row in found)}")
        known = connection.execute(select(runs.c.id).order_by(runs.c.started_at.desc()).limit(5)).scalars().all()
        hint = nearest(run_id, known).replace("Known:", "The newest:") or " Nothing is recorded yet."
        raise UsageError(f"no run '{run_id}' in {self._database.shown}.{hint}")

    def _import_spools(self) -> list[str]:
        """Bring home what could not be written here while a run lasted; then its file is deleted. One that still cannot
        be written stays for the next time."""
        home = []
        for folder in self._database.spools:
            with claimed(folder) as paths:
                for path in paths:
                    with contextlib.suppress(SaleproofError):
                        rows = list(lines(path))
                        if rows:
                            write_rows(self._database, rows)
                            home.append(path.stem)
                        path.unlink()
        return home


def _data(connection: Connection, table: Table, run: str) -> list[Any]:
    found = connection.execute(select(table.c.data).where(table.c.run == run).order_by(table.c.seq))
    return [bytes(data) if isinstance(data, memoryview) else data for data in found.scalars()]


def _latest_verdict(connection: Connection, run: str) -> Row[Any] | None:
    query = select(verdicts).where(verdicts.c.run == run).order_by(verdicts.c.seq.desc()).limit(1)
    return connection.execute(query).first()


def _summary(row: Row[Any], verdict: Row[Any] | None) -> RunSummary:
    return RunSummary(
        id=row.id, title=row.title, experiment=row.experiment, target=row.target, platform=row.platform,
        variant=row.variant, profile=row.profile, started_at=datetime.fromisoformat(row.started_at),
        ended_at=datetime.fromisoformat(row.ended_at) if row.ended_at else None,
        status=row.status, outcome=None if verdict is None else verdict.outcome,
        exit=None if verdict is None else verdict.exit_code,
    )  # fmt: skip
