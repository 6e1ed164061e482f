"""A gauge by SQL: one row with one number, in a session that can only read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chaos.errors import Unavailable
from chaos.model.journal import Sample
from chaos.model.sli import Sli
from chaos.slis.http import number
from chaos.slis.reading import Reading

if TYPE_CHECKING:
    import psycopg

PERIOD_S = 1.0
CONNECT_TIMEOUT_S = 2
STATEMENT_TIMEOUT_MS = 2000
# Whatever the role may do, this session cannot write; and a server that is gone is noticed.
_OPTIONS = f"-c default_transaction_read_only=on -c statement_timeout={STATEMENT_TIMEOUT_MS}"


class SqlReader:
    """One SLI from one database, over a connection that is kept, and opened again when it broke."""

    period_s = PERIOD_S
    delay_s = 0.0
    notes: tuple[str, ...] = ()

    def __init__(self, sli: Sli, dsn: str) -> None:
        self.name = f"a query of {sli.service}"
        self.slis = (sli.name,)
        self._sli = sli
        self._dsn = dsn
        self._connection: psycopg.Connection[Any] | None = None

    def read(self, at_s: float) -> Reading:
        """Raises: Unavailable."""
        import psycopg

        assert self._sli.query is not None
        try:
            if self._connection is None:
                self._connection = psycopg.connect(
                    self._dsn, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S, options=_OPTIONS,
                    tcp_user_timeout=STATEMENT_TIMEOUT_MS + 1000,
                )  # fmt: skip
            # Bytes: the query comes from the target file, with every % as it is.
            rows = self._connection.execute(self._sli.query.encode()).fetchmany(2)
        except psycopg.Error as cause:
            self.close()
            lines = str(cause).strip().splitlines() or [type(cause).__name__]
            raise Unavailable(f"sli '{self._sli.name}': {lines[0]}") from cause
        if len(rows) != 1 or len(rows[0]) != 1:
            raise Unavailable(f"sli '{self._sli.name}': the query must give one row with one number, not {rows!r:.80}")
        value = number(rows[0][0], f"sli '{self._sli.name}': the query's answer")
        return Reading(samples=(Sample(at_s=at_s, sli=self._sli.name, value=value, service=self._sli.service or ""),))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
