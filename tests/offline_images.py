"""Which images the Compose files of the tests run on."""

from __future__ import annotations

import os
from pathlib import Path

MADE = Path(__file__).parents[1] / "compose" / ".env"


def variables() -> dict[str, str]:
    """Those of the shop's own Compose file: set by hand, or made by compose/offline/build; none of them where neither
    is, and then the Compose file's defaults are pulled."""
    lines = MADE.read_text().splitlines() if MADE.exists() else []
    made = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {name: os.environ.get(name, value) for name, value in made.items()}
