"""From nouns to rows and back. A row is what both the database and the spool file hold, so that one can become the
other at any time."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

from chaos.masking import masked_tree
from chaos.model.base import from_json, to_json, to_plain
from chaos.model.event import AnyEvent
from chaos.model.journal import RunInfo, Sample
from chaos.model.plan import Plan

Row = dict[str, Any]


def run_row(info: RunInfo, plan: Plan) -> Row:
    return {
        "id": info.id,
        "started_at": info.started_at.isoformat(),
        "ended_at": info.ended_at.isoformat() if info.ended_at else None,
        "status": info.status,
        "title": plan.title,
        "experiment": plan.experiment,
        "target": plan.target,
        "platform": plan.platform,
        "variant": plan.variant,
        "profile": plan.profile,
        "info": _recorded(info),
        "plan": _recorded(plan),
    }


def event_row(run: str, seq: int, event: AnyEvent) -> Row:
    kind = type(event).__struct_config__.tag
    return {"run": run, "seq": seq, "at_s": event.at_s, "kind": kind, "data": _recorded(event)}


def _recorded(noun: Any) -> str:
    """As JSON, without the secrets: nobody reverts from the record, so nobody needs them there."""
    return to_json(masked_tree(to_plain(noun))).decode()


def event_of(data: str) -> AnyEvent:
    event: AnyEvent = from_json(data, AnyEvent)  # type: ignore[arg-type]
    return event


def blob_row(run: str, seq: int, values: Sequence[Any]) -> Row:
    """Samples or acknowledged ids."""
    return {"run": run, "seq": seq, "n": len(values), "data": zlib.compress(to_json(list(values)))}


def samples_of(blobs: Iterable[bytes]) -> tuple[Sample, ...]:
    return tuple(s for blob in blobs for s in from_json(zlib.decompress(blob), list[Sample]))


def ids_of(blobs: Iterable[bytes]) -> tuple[str, ...]:
    return tuple(s for blob in blobs for s in from_json(zlib.decompress(blob), list[str]))


def journal_row(run: str, seq: int, journal: dict[str, Any]) -> Row:
    # What extensions put into a journal is anything; a value that JSON lacks must not cost the rest of the record.
    return {"run": run, "seq": seq, "data": zlib.compress(json.dumps(masked_tree(journal), default=str).encode())}


def journal_of(blob: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(zlib.decompress(blob))
    return found
