"""The tables, and how an older store becomes a current one.

Everything is appended; only a run's status and end are ever updated. Times of day are ISO 8601 in UTC as text, which
sorts and means the same in every database. Blobs are zlib. Measured: 6 bytes a request with
everything around it, at 240 requests a second in chunks of a second: 5 MB an hour.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Column, Connection, Float, Index, Integer, LargeBinary, MetaData, String, Table, Text, select

from chaos.store.errors import DamagedStore, NoStore

SCHEMA = 2

metadata = MetaData()

meta = Table("saleproof_meta", metadata, Column("key", String(64), primary_key=True), Column("value", Text))

runs = Table(
    "runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("started_at", String(40), nullable=False),
    Column("ended_at", String(40)),
    Column("status", String(16)),
    Column("title", Text, nullable=False),
    Column("experiment", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("platform", Text, nullable=False),
    Column("variant", Text, nullable=False),
    Column("profile", Text),
    Column("info", Text, nullable=False),  # RunInfo
    Column("plan", Text, nullable=False),  # Plan
    Index("runs_by_time", "started_at"),
)


def _part(name: str, *columns: Column[object] | Index) -> Table:
    """A table of numbered parts of a run. The number is given by the writer, so that writing twice is harmless."""
    return Table(
        name,
        metadata,
        Column("run", String(64), primary_key=True),
        Column("seq", Integer, primary_key=True, autoincrement=False),
        *columns,
    )


events = _part("events", Column("at_s", Float), Column("kind", String(32)), Column("data", Text))
chunks = _part("chunks", Column("n", Integer), Column("data", LargeBinary))  # packed Requests
samples = _part("samples", Column("n", Integer), Column("data", LargeBinary))
acknowledged = _part("acknowledged", Column("n", Integer), Column("data", LargeBinary))
journals = _part("journals", Column("data", LargeBinary))  # the Chaos Toolkit's
verdicts = _part(
    "verdicts",
    Column("judged_at", String(40)),
    Column("version", String(32)),
    Column("outcome", String(16)),
    Column("exit_code", Integer),
    Column("data", Text),
)
# Derived from the requests, for reports: seq 0 is all steps together, then one row a step.
series = _part("series", Column("step", Text), Column("data", LargeBinary))
# What the run was charged, one row an SLO; the first verdict's, so that nobody is charged twice for one run.
charges = _part(
    "charges",
    Column("target", Text),
    Column("slo", Text),
    Column("budget", String(16)),
    Column("spent", Float),
    Column("data", Text),
    Index("charges_by_target", "target"),
)

PARTS = {table.name: table for table in (events, chunks, samples, acknowledged, journals, verdicts, series, charges)}

# From version n to n + 1. Each runs in one transaction with the change of the version number.
MIGRATIONS: dict[int, Callable[[Connection], None]] = {1: charges.create}


def prepare(connection: Connection, where: str, *, make: bool = True) -> None:
    """Make or migrate the tables. Raises: DamagedStore for a store that a newer Saleproof has written; NoStore where
    there is none and none is to be made."""
    version = _version(connection)
    if version is None:
        if not make:
            raise NoStore(where)
        metadata.create_all(connection)
        connection.execute(meta.insert().values(key="schema", value=str(SCHEMA)))
        return
    if version > SCHEMA:
        raise DamagedStore(
            f"the store {where} was written by a newer Saleproof (schema {version}, this one knows {SCHEMA}); "
            "upgrade, or say SALEPROOF_STORE=FILE"
        )
    for step in range(version, SCHEMA):
        MIGRATIONS[step](connection)
        connection.execute(meta.update().where(meta.c.key == "schema").values(value=str(step + 1)))


def _version(connection: Connection) -> int | None:
    from sqlalchemy import inspect

    if not inspect(connection).has_table(meta.name):
        return None
    found = connection.execute(select(meta.c.value).where(meta.c.key == "schema")).scalar()
    return None if found is None else int(found)
