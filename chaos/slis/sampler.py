"""Reads, all the time, the sources that an experiment's conditions need: a thread for each, so that a slow one delays
neither the others nor the runner."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from chaos.errors import SpecError, nearest
from chaos.model.journal import Sample
from chaos.model.objective import Condition
from chaos.model.platform import Instance, Inventory
from chaos.model.prometheus import PrometheusServer
from chaos.model.sli import Sli, Source
from chaos.slis.reading import Problem, Reader, Reading

# The same SLI's failure is told once in so many seconds: a broken probe must not fill the record.
TELL_EVERY_S = 1.0


class Sampler:
    """From `start` to `stop`. `on_sample(sample)` and `on_error(sli, error)` are called from the readers' threads.

    A reading that failed is always told, by the name of its SLI, so that it never reads as a pass; so is a reader that
    hangs, by not having read for `hangs_after_s`.
    """

    def __init__(
        self,
        conditions: Iterable[Condition],
        slis: Mapping[str, Sli],
        inventory: Inventory,
        *,
        t0_s: float,
        on_sample: Callable[[Sample], None],
        on_error: Callable[[str, str], None],
        hangs_after_s: float = 5.0,
        server: PrometheusServer | None = None,
    ) -> None:
        """`t0_s` is the run's zero on CLOCK_MONOTONIC; `server` is whom the SLIs from a Prometheus ask.
        Raises: SpecError for an SLI that is not in the target."""
        self._t0_s = t0_s
        self._on_sample = on_sample
        self._on_error = on_error
        self._hangs_after_s = hangs_after_s
        self._end = threading.Event()
        self._told_s: dict[str, float] = {}
        self._lock = threading.Lock()
        self.readers = readers(conditions, slis, inventory, server)
        self._looked_s: dict[str, float] = {}
        self._threads = [
            threading.Thread(target=self._run, args=(reader,), name=f"sampler: {reader.name}", daemon=True)
            for reader in self.readers
        ]
        self._watch = threading.Thread(target=self._watch_hanging, name="sampler", daemon=True)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know about how the SLIs are read; complete once each source was read."""
        return tuple(note for reader in self.readers for note in reader.notes)

    @property
    def delay_s(self) -> float:
        """So long after something happened, all of it has been seen."""
        return max((reader.delay_s for reader in self.readers), default=0.0)

    def start(self) -> None:
        """Returns at once. The first reading is due now."""
        if not self.readers:
            return
        self._looked_s = {reader.name: time.monotonic() for reader in self.readers}
        for thread in (*self._threads, self._watch):
            thread.start()

    def stop(self) -> None:
        """No callback comes after this, unless a source hangs; then not for longer than its own timeout. Idempotent."""
        self._end.set()
        deadline_s = time.monotonic() + 3.0
        for thread in (*self._threads, self._watch):
            if thread.is_alive() and thread is not threading.current_thread():
                thread.join(max(0.0, deadline_s - time.monotonic()))

    def _run(self, reader: Reader) -> None:
        due_s = time.monotonic()
        while not self._end.is_set():
            at_s = time.monotonic() - self._t0_s
            try:
                reading = reader.read(at_s)
            except Exception as cause:  # whatever broke, the probe is broken
                error = str(cause) or type(cause).__name__
                reading = Reading(problems=tuple(Problem(sli=sli, error=error) for sli in reader.slis))
            self._looked_s[reader.name] = time.monotonic()
            if self._end.is_set():
                break
            for sample in reading.samples:
                self._on_sample(sample)
            for problem in reading.problems:
                self._tell(problem)
            due_s = max(due_s + reader.period_s, time.monotonic())
            self._end.wait(due_s - time.monotonic())
        reader.close()

    def _watch_hanging(self) -> None:
        while not self._end.wait(1.0):
            for reader in self.readers:
                silent_s = time.monotonic() - self._looked_s[reader.name]
                if silent_s > self._hangs_after_s:
                    for sli in reader.slis:
                        self._tell(Problem(sli=sli, error=f"{reader.name}: no answer for {silent_s:.0f} s"))

    def _tell(self, problem: Problem) -> None:
        with self._lock:
            now_s = time.monotonic()
            if now_s - self._told_s.get(problem.sli, float("-inf")) < TELL_EVERY_S:
                return
            self._told_s[problem.sli] = now_s
        self._on_error(problem.sli, problem.error)


def readers(
    conditions: Iterable[Condition],
    slis: Mapping[str, Sli],
    inventory: Inventory,
    server: PrometheusServer | None = None,
) -> tuple[Reader, ...]:
    """One reader for each source that the conditions need; the load's own SLIs need none. Raises: SpecError."""
    wanted: dict[str, list[Condition]] = {}
    for condition in conditions:
        if condition.source is not Source.LOAD:
            name = condition.sli if condition.sli in slis else condition.sli.partition(".")[0]
            if name not in slis:
                raise SpecError(f"{condition.text}: unknown SLI '{condition.sli}'.{nearest(condition.sli, slis)}")
            wanted.setdefault(name, []).append(condition)
    pages: dict[tuple[str, str], list[tuple[Sli, Condition]]] = {}
    found: list[Reader] = []
    for name, asked in wanted.items():
        sli = slis[name]
        match sli.source:
            case Source.PROMETHEUS:
                pages.setdefault((sli.service or "", sli.path), []).extend((sli, condition) for condition in asked)
            case Source.PROMQL:
                from chaos.slis.promql import PromqlReader

                found.append(PromqlReader(sli, asked, server or PrometheusServer()))
            case Source.HTTP:
                from chaos.slis.http import HttpReader

                found.append(HttpReader(sli, _instances(sli.service, inventory)))
            case Source.SQL:
                from chaos.slis.sql import SqlReader

                if sli.service not in inventory.sql:
                    raise SpecError(
                        f"sli '{name}': the platform '{inventory.platform}' has no database '{sli.service}'."
                        + nearest(sli.service or "", inventory.sql)
                    )
                found.append(SqlReader(sli, inventory.sql[sli.service]))
            case _:
                raise SpecError(f"sli '{name}': the load's own SLIs are not declared")
    if pages:
        from chaos.slis.prometheus import PrometheusReader

        for (service, path), questions in pages.items():
            found.append(PrometheusReader(service, path, _instances(service, inventory), questions))
    return tuple(found)


def _instances(service: str | None, inventory: Inventory) -> Sequence[Instance]:
    """Those that are meant to run: all but the spare ones."""
    return [i for i in inventory.instances.values() if i.service == service and i.address and i.state != "spare"]
