"""noop: does nothing. Toxiproxy has it too; start from it when writing a new toxic."""

from __future__ import annotations

from dataclasses import dataclass

from chaos.proxy.server.stage import Stage


@dataclass(frozen=True, kw_only=True, slots=True)
class Noop:
    """No attributes."""

    def problem(self) -> str | None:
        return None


class NoopStage(Stage[Noop]):
    """Passes everything."""
