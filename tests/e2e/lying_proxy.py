"""A fault proxy that accepts toxics, lists them, and does nothing: our own with the stage of every toxic replaced."""

from __future__ import annotations

import sys

from chaos.proxy.server.__main__ import main
from chaos.proxy.server.toxics import TOXICS, NoopStage, ToxicType

for name, kind in TOXICS.items():
    TOXICS[name] = ToxicType(kind.attributes, NoopStage)

if __name__ == "__main__":
    sys.exit(main())
