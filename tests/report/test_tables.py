"""`runs`, `plan` and `status` as text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from chaos.model.plan import Decision
from chaos.model.platform import Instance, Inventory, Proxy
from chaos.model.target import Link
from chaos.report import plan, runs, status
from chaos.store.summary import RunSummary

Snapshot = Callable[[str, str], None]


def test_runs_are_a_line_each_within_the_screen(snapshot: Snapshot) -> None:
    """Outcome, exit, variant; a status only where it is not simply `completed`."""
    at = datetime(2026, 11, 21, 11, 33, tzinfo=UTC)
    common: dict[str, Any] = {
        "experiment": "x.yaml", "target": "shop", "platform": "embedded", "variant": "resilient", "started_at": at,
    }  # fmt: skip
    found = [
        RunSummary(id="20261121-113301-7f3a", title="A flash sale's surge", status=None, **common),
        RunSummary(
            id="20261121-110000-aaaa", title="Checkout survives a slow database, which is quite a long title",
            status="completed", outcome="deviated", exit=1, **{**common, "variant": "fragile"},
        ),
        RunSummary(
            id="20261120-110000-bbbb", title="A web server crashes", status="interrupted", outcome="inconclusive",
            exit=130, **common,
        ),
    ]  # fmt: skip
    text = runs.table(found, colour=False)
    assert all(len(line) <= 80 for line in text.splitlines())
    snapshot("runs.txt", text)


def test_a_plan_says_what_is_touched_and_what_can_be_decided(make: Any, snapshot: Snapshot) -> None:
    """The undecidable ones stand out."""
    made = make.Story(conditions=(make.availability(99.9), make.p99())).journal().plan
    needed = {"availability >= 99.9%": 2995, "p99 < 2s": 299}
    spare = {"availability >= 99.9%": 0, "p99 < 2s": 29}
    decisions = tuple(
        Decision(
            window=w.name, condition=c.text, expected=400.0 if w.name == "before" else 4000.0, needed=needed[c.text],
            spare_failures=-1 if w.name == "before" else spare[c.text], enough=w.name != "before",
        )
        for w in made.windows
        for c in w.conditions
    )  # fmt: skip
    full = msgspec.structs.replace(
        made, decisions=decisions, why="A sale's read load slows the database.", invariants=("no-order-lost",),
        abort=(make.p99(8.0),), warnings=("the target has been up for a while: caches are warm",),
    )  # fmt: skip
    text = plan.render(full, colour=False)
    assert all(len(line) <= 80 for line in text.splitlines())
    snapshot("plan.txt", text)


def test_a_status_shows_services_links_and_faults(snapshot: Snapshot) -> None:
    """Spare slots in one line, a service that is not well stands out."""
    link = Link(source="web", dest="db", protocol="postgres")
    inventory = Inventory(
        platform="embedded", endpoint="/tmp/state", variant="resilient", proxy_api="127.0.0.1:8474",
        instances={
            "web-1": Instance(
                name="web-1", service="web", state="running", address="127.0.0.1:9001", pid=7, healthy=True
            ),
            "web-2": Instance(name="web-2", service="web", state="paused", address="127.0.0.1:9002", pid=8, restarts=2),
            "web-3": Instance(name="web-3", service="web", state="spare"),
        },
        proxies={
            "web-1 -> db": Proxy(
                name="web-1 -> db", client="web-1", server="db", link=link, listen="127.0.0.1:7001",
                upstream="127.0.0.1:5432",
            ),
            "web-3 -> db": Proxy(
                name="web-3 -> db", client="web-3", server="db", link=link, listen="127.0.0.1:7003",
                upstream="127.0.0.1:5432",
            ),
        },
    )  # fmt: skip
    faults = [{"kind": "pause", "where": "web-2", "on": True, "text": "pause: {service: web-2, for: 60s}"}]
    text = status.render(inventory, faults, colour=False)
    assert "web-3 -> db" not in text
    snapshot("status.txt", text)
    assert "none" in status.render(inventory, [], colour=False)
