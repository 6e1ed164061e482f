"""What can be found out, before a run, about sources whose samples are somebody else's scrapes."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from chaos.errors import Unavailable
from chaos.model.objective import Condition
from chaos.model.plan import Measured
from chaos.model.sli import Source
from chaos.model.target import Target
from chaos.slis.promql import PromqlReader


def survey(
    conditions: Iterable[Condition], target: Target, variant: str
) -> tuple[tuple[Measured, ...], tuple[str, ...]]:
    """Look once at every SLI from a Prometheus server; and why that could not be done, one line for each that could
    not. Nothing is asked when no condition needs a server."""
    asked: dict[str, list[Condition]] = {}
    for condition in conditions:
        if condition.source is Source.PROMQL:
            name = condition.sli if condition.sli in target.slis else condition.sli.partition(".")[0]
            asked.setdefault(name, []).append(condition)
    if not asked:
        return (), ()
    server = target.prometheus_of(variant)
    readers = [PromqlReader(target.slis[name], wanted, server) for name, wanted in asked.items()]
    with ThreadPoolExecutor(min(8, len(readers)), thread_name_prefix="survey") as pool:
        found = list(pool.map(_look, readers))
    return (
        tuple(one for one in found if isinstance(one, Measured)),
        tuple(one for one in found if isinstance(one, str)),
    )


def _look(reader: PromqlReader) -> Measured | str:
    try:
        return reader.measured(0.0)
    except Unavailable as cause:
        return f"{reader.slis[0]}: {cause}"
    finally:
        reader.close()
