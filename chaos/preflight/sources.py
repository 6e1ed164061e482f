"""The sources that the guard and the verdict read: each answers, once, before anything is disturbed."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from chaos.errors import SaleproofError
from chaos.model.objective import Condition, Op
from chaos.model.platform import Inventory
from chaos.model.sli import Shape, Source
from chaos.model.target import Target
from chaos.preflight.finding import Finding, ok, problem
from chaos.slis.reading import Reader
from chaos.slis.sampler import readers


def of_target(target: Target, inventory: Inventory) -> tuple[Finding, ...]:
    """Every SLI that the target declares."""
    return of_conditions(
        (_question(name, sli.source, sli.shape) for name, sli in target.slis.items()), target, inventory
    )


def of_conditions(conditions: Iterable[Condition], target: Target, inventory: Inventory) -> tuple[Finding, ...]:
    """What these conditions ask. The load's own SLIs have no source to be asked. One finding a source."""
    try:
        found = readers(conditions, target.slis, inventory, target.prometheus_of(inventory.variant))
    except SaleproofError as error:
        return (problem("sources", str(error)),)
    if not found:
        return ()
    with ThreadPoolExecutor(min(8, len(found)), thread_name_prefix="preflight") as pool:
        return tuple(pool.map(_look, found))


def _look(reader: Reader) -> Finding:
    check = f"source {', '.join(reader.slis)}"
    try:
        problems = reader.read(0.0).problems
    except Exception as cause:  # whatever broke, the source does not answer
        return problem(check, str(cause) or type(cause).__name__, "no condition on it can be watched")
    finally:
        reader.close()
    if problems:
        return problem(check, problems[0].error, "no condition on it can be watched")
    return ok(check, f"{reader.name} answers")


def _question(name: str, source: Source, shape: Shape) -> Condition:
    """A sentence that only asks for the SLI: its threshold decides nothing here."""
    return Condition(
        text=name, sli=name, source=source, shape=shape, op=Op.LT, threshold=1.0, budget=0.5,
        percentile=50.0 if shape is Shape.HISTOGRAM else None,
    )  # fmt: skip
