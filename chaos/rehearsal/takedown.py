"""What a run brought up and must take down again, written down so that the watchdog can do it with the files gone."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from chaos.model.base import Noun, from_json, to_json
from chaos.model.target import Target


class TakeDown(Noun):
    """One target on one platform."""

    platform: str
    target: Target

    def write(self, state: Path, run_id: str) -> Path:
        """A private file under the state folder. Its name is all that a command line shows of it."""
        path = state / "down" / f"{run_id}.json"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        # What the file said is not needed for taking it down.
        path.write_bytes(to_json(msgspec.structs.replace(self, target=msgspec.structs.replace(self.target, text=""))))
        return path

    @classmethod
    def read(cls, path: Path) -> TakeDown:
        """Raises: OSError, msgspec.ValidationError."""
        return from_json(path.read_bytes(), cls)

    def do(self) -> None:
        """Idempotent. Raises: Refused, Unavailable."""
        from chaos import platforms

        platforms.clean(self.target, self.platform)


def forget(state: Path, target: str, platform: str) -> None:
    """What dead runs had brought up of it is down; their notes, which may hold its secrets, go with it. The caller
    holds the target's lock. One that cannot be read stays for whoever looks at it. Never raises."""
    for path in (state / "down").glob("*.json"):
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            found = TakeDown.read(path)
            if (found.target.name, found.platform) == (target, platform):
                path.unlink()
