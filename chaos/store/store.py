"""Reading and keeping the recorded runs. Many readers may read while a run writes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import msgspec
from sqlalchemy import Connection, Row, Table, func, select

import chaos
from chaos.errors import SaleproofError, UsageError, nearest
from chaos.model.base import from_json, to_json
from chaos.model.charge import Charge, ChargedRun
from chaos.model.event import AnyEvent
from chaos.model.journal import Journal, RunInfo
from chaos.model.plan import Plan
from chaos.model.verdict import Verdict
from chaos.store import series as seconds
from chaos.store.database import Database
from chaos.store.errors import DamagedStore
from chaos.store.recorder import Recorder, write_rows
from chaos.store.rows import event_of, event_row, ids_of, journal_of, journal_row, run_row, samples_of
from chaos.store.spool import SUFFIX, Spool, claimed, lines
from chaos.store.summary import RunSummary
from chaos.store.tables import PARTS, acknowledged, charges, chunks, events, journals, runs, samples, series, verdicts


class Store:
    """Open with `Store.open`. Raises everywhere: StoreError; Refused when it is locked; Unavailable when it does not
    answer."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.imported: tuple[str, ...] = ()  # runs whose spool files were brought home on opening

    @classmethod
    def open(cls, where: str | Path | None = None, *, make: bool = True) -> Self:
        """A file's path or a `postgresql://` URL; by default `runs.db` in the state folder. Made if missing, unless
        `make` is False. Raises: NoStore."""
        if where is None:
            from chaos.state import state_dir

            where = state_dir() / "runs.db"
        store = cls(Database(where, make=make))
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
        run = self._find(run_id)
        first = self._next(events, run.id)
        rows = [("events", event_row(run.id, first + i, event)) for i, event in enumerate(happened)]
        if status is not None:
            whole = msgspec.structs.replace(from_json(run.info, RunInfo), status=status, ended_at=datetime.now(UTC))
            rows.append(("runs", run_row(whole, from_json(run.plan, Plan))))
        self._keep(run.id, rows)

    def keep_journal(self, run_id: str, journal: dict[str, Any]) -> None:
        """The engine's own journal, which is whole only after the run was judged; the last one counts."""
        run = self._find(run_id).id
        self._keep(run, [("journals", journal_row(run, self._next(journals, run), journal))])

    def save_verdict(self, verdict: Verdict) -> None:
        """Keep one more; the latest is shown, the older ones stay."""
        run = self._find(verdict.run).id
        row = {
            "run": run,
            "seq": self._next(verdicts, run),
            "judged_at": datetime.now(UTC).isoformat(),
            "version": chaos.__version__,
            "outcome": verdict.outcome.value,
            "exit_code": verdict.exit_code,
            "data": to_json(verdict).decode(),
        }
        self._keep(run, [("verdicts", row), *self._charge_rows(run, verdict)])

    def _charge_rows(self, run: str, verdict: Verdict) -> list[tuple[str, dict[str, Any]]]:
        """A run is charged once: these have the same numbers each time, and what is there already stays."""
        target = self._find(run).target
        return [
            (
                "charges",
                {"run": run, "seq": seq, "target": target, "slo": charge.slo, "budget": charge.budget,
                 "spent": charge.spent, "data": to_json(charge).decode()},
            )
            for seq, charge in enumerate(verdict.charges)
        ]  # fmt: skip

    def _keep(self, run: str, rows: list[tuple[str, dict[str, Any]]]) -> None:
        """Into the database, else into a spool file: what happened is not lost because somebody locks the store.
        Raises: what the database raised, when neither takes it."""
        try:
            write_rows(self._database, rows)
        except SaleproofError:
            for folder in self._database.spools:
                with contextlib.suppress(OSError):
                    spool = Spool(folder, run)
                    try:
                        spool.write(rows)
                    finally:
                        spool.close()
                    return
            raise

    def _find(self, run_id: str) -> Row[Any]:
        """The run's row. Raises: UsageError."""
        with self._database.begin() as connection:
            return self._row(connection, run_id)

    def _next(self, table: Table, run: str) -> int:
        """The number after the last one, in the database and in what waits outside of it."""
        with self._database.begin() as connection:
            last: int | None = connection.execute(select(func.max(table.c.seq)).where(table.c.run == run)).scalar()
        waiting: list[int] = [row["seq"] for row in self._waiting(run).get(table.name, ())]
        return max([-1 if last is None else last, *waiting]) + 1

    def _waiting(self, run: str) -> dict[str, list[dict[str, Any]]]:
        """Rows of that run that no `open` has brought home yet, by table."""
        found: dict[str, list[dict[str, Any]]] = {}
        for folder in self._database.spools:
            path = folder / f"{run}{SUFFIX}"
            if not folder.is_symlink() and path.is_file() and path.stat().st_uid == os.getuid():
                for table, row in lines(path):
                    found.setdefault(table, []).append(row)
        return found

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

        Raises: UsageError with the nearest ids; DamagedStore when a part is damaged.
        """
        from chaos.model.requests import Requests, unpack

        with self._database.begin() as connection:
            row = self._row(connection, run_id)
            waiting = self._waiting(row.id)
            parts = {
                t.name: _data(connection, t, row.id, waiting.get(t.name, ()))
                for t in (events, chunks, samples, acknowledged, journals)
            }
        ended = [each["info"] for each in waiting.get("runs", ()) if each["status"] is not None]
        try:
            info = from_json(ended[-1] if ended else row.info, RunInfo)
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
            raise DamagedStore(f"the record of {row.id} in {self._database.shown} is damaged: {cause}") from cause

    def verdict(self, run_id: str) -> Verdict | None:
        """The latest one of a run; None when it was never judged."""
        with self._database.begin() as connection:
            found = _latest_verdict(connection, self._row(connection, run_id).id)
        return None if found is None else from_json(found.data, Verdict)

    def charged(self, target: str, since: datetime) -> tuple[ChargedRun, ...]:
        """What the runs on a target were charged since then, the newest first."""
        query = (
            select(runs.c.id, runs.c.title, runs.c.started_at, charges.c.data)
            .join(charges, charges.c.run == runs.c.id)
            .where(charges.c.target == target, runs.c.started_at >= since.astimezone(UTC).isoformat())
            .order_by(runs.c.started_at.desc(), runs.c.id.desc(), charges.c.seq)
        )
        with self._database.begin() as connection:
            rows = connection.execute(query).all()
        return tuple(
            ChargedRun(
                run=row.id, title=row.title, started_at=datetime.fromisoformat(row.started_at),
                charge=from_json(row.data, Charge),
            )
            for row in rows
        )  # fmt: skip

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


def _data(connection: Connection, table: Table, run: str, waiting: Iterable[dict[str, Any]] = ()) -> list[Any]:
    """The numbered parts of a run, in order, together with those that wait outside of the database."""
    found = connection.execute(select(table.c.seq, table.c.data).where(table.c.run == run))
    parts = {row["seq"]: row["data"] for row in waiting} | {row.seq: row.data for row in found}
    return [bytes(data) if isinstance(data, memoryview) else data for _, data in sorted(parts.items())]


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
