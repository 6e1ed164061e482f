"""Reaching a running generator from any process, given plain data: how a surge is injected and taken back."""

from __future__ import annotations

import socket
from typing import Any

import msgspec

from chaos.errors import Unavailable
from chaos.load.wire import Answer, Order
from chaos.model.base import Noun, from_json, from_plain, to_json
from chaos.model.lease import Lease, Renewal
from chaos.proc import boot_id, stat

# A generator answers in well under a millisecond; a machine that is busy with an experiment may take longer.
TIMEOUT_S = 3.0


class Reach(Noun):
    """One generator process. With the boot id, pid and start time name a process for good."""

    socket: str
    pid: int
    start_ticks: int


class Control(Noun):
    """All generators of one run."""

    boot_id: str
    generators: tuple[Reach, ...]


def renew_lease(control: dict[str, Any], lease: Lease) -> Renewal:
    """Make or renew a lease at every generator; the worst answer counts. Raises: Unavailable when none is left or one
    does not answer."""
    answers = [_ask(reach, Order(lease=lease.id, ttl_s=lease.ttl_s)) for reach in _alive(control)]
    if not answers:
        raise Unavailable("the traffic generator is gone")
    for answer in answers:
        if answer.error or answer.lease is None:
            raise Unavailable(f"the traffic generator keeps no lease: {answer.error or 'it says nothing of it'}")
    return min((a.lease for a in answers if a.lease), key=("expired", "created", "renewed").index)


def release_lease(control: dict[str, Any], name: str) -> None:
    """Give it back, and with it a multiplier that is still under it. Raises: Unavailable."""
    for reach in _alive(control):
        _ask(reach, Order(lease=name, release=True))


def set_multiplier(control: dict[str, Any], multiplier: float, *, lease: str = "") -> None:
    """From now on so many times as many customers arrive; under a lease that is held, until it ends, and then
    1 times. Idempotent. Returns once every generator has said so.
    Raises: Unavailable when none is left or one does not obey; ValueError for a refusal, as when the lease ran out.
    """
    alive = _alive(control)
    if not alive:
        raise Unavailable("the traffic generator is gone")
    for reach in alive:
        answer = _ask(reach, Order(multiply=multiplier, lease=lease))
        if answer.error:
            raise ValueError(answer.error)
        if answer.multiplier != multiplier:
            raise Unavailable(f"the traffic generator has a multiplier of {answer.multiplier:g}, not {multiplier:g}")


def get_multiplier(control: dict[str, Any]) -> float | None:
    """The multiplier now (of several generators, the one furthest from 1); None when all are gone, and their traffic
    with them. Raises: Unavailable when one runs and does not answer."""
    values = [_ask(reach, Order()).multiplier for reach in _alive(control)]
    return max(values, key=lambda value: abs(value - 1.0), default=None)


def get_arrivals(control: dict[str, Any]) -> tuple[int, float] | None:
    """Customers so far, and customers a second at a multiplier of 1, of all generators; None when all are gone.
    Raises: Unavailable when one runs and does not answer."""
    answers = [_ask(reach, Order()) for reach in _alive(control)]
    return (sum(a.arrived for a in answers), sum(a.per_s for a in answers)) if answers else None


def reach(socket: str, pid: int) -> Reach:
    """Of a generator that runs."""
    found = stat(pid)
    return Reach(socket=socket, pid=pid, start_ticks=0 if found is None else found.start_ticks)


def _lives(reach: Reach) -> bool:
    found = stat(reach.pid)
    return found is not None and not found.ended and found.start_ticks == reach.start_ticks


def _alive(control: dict[str, Any]) -> list[Reach]:
    known = from_plain(control, Control)
    if known.boot_id != boot_id():
        return []
    return [one for one in known.generators if _lives(one)]


def _ask(reach: Reach, order: Order) -> Answer:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(TIMEOUT_S)
            connection.connect(reach.socket)
            connection.sendall(to_json(order) + b"\n")
            with connection.makefile("rb") as lines:
                return from_json(lines.readline(), Answer)
    except (OSError, msgspec.MsgspecError) as cause:
        raise Unavailable(f"the traffic generator (pid {reach.pid}) does not answer: {cause}") from cause
