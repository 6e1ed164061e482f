"""What was simulated so far, in a file that a later call goes on with."""

from __future__ import annotations

import json
from pathlib import Path

from .suite import Found, Piece, together


class Results:
    """One JSON line for every piece. A line that was torn is done again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def rows(self) -> dict[str, dict[str, object]]:
        """key -> the line."""
        rows = {}
        for line in self.path.read_text().splitlines() if self.path.exists() else ():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            rows[row["key"]] = row
        return rows

    def add(self, piece: Piece, found: Found) -> None:
        with self.path.open("a") as file:
            row = {"key": piece.key, "suite": piece.suite, "cell": piece.cell, "seed": piece.seed, "found": found}
            file.write("\n" * self._torn() + json.dumps(row) + "\n")

    def found(self, seed: int) -> dict[tuple[str, str], Found]:
        """(suite, cell) -> all that was found with this seed."""
        parts: dict[tuple[str, str], list[Found]] = {}
        for row in self.rows().values():
            if row["seed"] == seed:
                parts.setdefault((str(row["suite"]), str(row["cell"])), []).append(row["found"])  # type: ignore[arg-type]
        return {key: together(each) for key, each in parts.items()}

    def _torn(self) -> bool:
        content = self.path.read_bytes()
        return bool(content) and not content.endswith(b"\n")
