"""The imported parts as text that goes into a target file."""

from __future__ import annotations

import json
import re
from typing import Any

from chaos.spec.openslo.read import Imported
from chaos.spec.scalars import resolve

_PLAIN = re.compile(r"[A-Za-z0-9_./-]+(?: [A-Za-z0-9_./-]+)*")


def section(found: Imported) -> str:
    """`slis`, `events` and `slos`, one entry a line."""
    lines: list[str] = []
    for word, entries in (("slis", found.slis), ("events", found.events)):
        if entries:
            lines += [f"{word}:", *(f"  {name}: {_flow(entry)}" for name, entry in entries.items()), ""]
    if found.slos:
        lines += ["slos:", *(f"  - {_flow(slo)}" for slo in found.slos), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and isinstance(_read(value), str)
        # JSON's strings are YAML's too.
        return value if plain else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)


def _read(text: str) -> object:
    try:
        return resolve(text)
    except ValueError:
        return None
