"""`command`: a disturbance of the user's own, as programs."""

from __future__ import annotations

import os
import secrets
import signal
from pathlib import Path
from typing import Any, ClassVar, Self

from chaos.errors import Unavailable
from chaos.faults.shared import limits, own
from chaos.model.base import Noun, from_plain, to_plain
from chaos.model.fault import ActsOn, Evidence, Undo
from chaos.model.platform import Anything
from chaos.units import Duration

# What every program may expect; the rest of the environment may hold what is none of its business.
PASSED_ON = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR")
OUTPUT_CHARS = 300
OUTPUT_BYTES = 8 * OUTPUT_CHARS
# In the environment of `run` and of all that it starts: how a process that knows only the undo record finds it.
MARK = "SALEPROOF_COMMAND"


class Command(Noun):
    """Run a program of yours, and another to take it back; `check` exits with 0 while the fault is in place."""

    kind: ClassVar[str] = "command"
    needs: ClassVar[type] = Anything
    acts_on: ClassVar[ActsOn] = "nothing"
    example: ClassVar[str] = (
        "command: {run: [touch, /tmp/full], undo: [rm, -f, /tmp/full], check: [test, -e, /tmp/full], for: 30s}"
    )

    run: tuple[str, ...]  # the program and its arguments; no shell is involved
    undo: tuple[str, ...]  # takes it back; run again if need be
    check: tuple[str, ...]  # exits with 0 while the fault is in place
    env: dict[str, str] = {}  # environment variables for all three
    timeout: Duration = Duration(30)  # for each of them

    def __post_init__(self) -> None:
        for name, words in (("run", self.run), ("undo", self.undo), ("check", self.check)):
            if not words or not words[0]:
                raise ValueError(f"{name} is empty; write a program and its arguments as a list")
            if any("\0" in word for word in words):
                raise ValueError(f"{name} has a NUL character in an argument")
        for name, value in self.env.items():
            if not name or "=" in name or "\0" in name + value:
                raise ValueError(f"env: {name!r} is not a name that an environment can have")
        limits.delay("timeout", self.timeout)

    def prepare(self, where: str, platform: Anything) -> Undo:
        """Runs `check`, which must say no. Raises: Unavailable."""
        env = {name: os.environ[name] for name in PASSED_ON if name in os.environ} | self.env
        programs = Programs(
            undo=self.undo, check=self.check, env=env, folder=str(Path.cwd()), timeout=self.timeout,
            mark=secrets.token_hex(8),
        )  # fmt: skip
        if programs.in_place():
            raise Unavailable(f"check exits with 0 before anything was run: {_line(self.check)}")
        return Undo(kind=self.kind, where=where, data=to_plain(programs))

    def inject(self, undo: Undo, platform: Anything) -> None:
        programs = Programs.of(undo)
        code, output = programs.call(self.run, {MARK: programs.mark})
        if code != 0:
            raise Unavailable(f"run exited with {code}: {_line(self.run)}{output}")

    def confirm(self, undo: Undo, platform: Anything) -> Evidence:
        """By the user's own `check`."""
        code, output = Programs.of(undo).call(self.check)
        return Evidence(confirmed=code == 0, text=f"check exited with {code}{output if code else ''}")

    @staticmethod
    def revert(undo: Undo) -> None:
        """Run `undo`, and believe `check` alone. A `run` that its dead runner has left half-way is ended first: it
        must not go on after the undo."""
        programs = Programs.of(undo)
        programs.end_run()
        own.take_back(
            programs.take_back, programs.in_place, kind="command", passes="check still exits with 0",
            by_hand=f", in {programs.folder}: {_line(programs.undo)}",
        )  # fmt: skip

    @staticmethod
    def is_present(undo: Undo) -> bool:
        return Programs.of(undo).in_place()


class Programs(Noun):
    """The data of the undo record: what takes it back and what looks at it, and where both are run."""

    undo: tuple[str, ...]
    check: tuple[str, ...]
    env: dict[str, str]
    folder: str
    timeout: Duration
    mark: str = ""

    @classmethod
    def of(cls, undo: Undo) -> Self:
        return from_plain(undo.data, cls)

    def in_place(self) -> bool:
        """Raises: Unavailable when `check` cannot tell: it did not start, took too long, or died of a signal."""
        code, output = self.call(self.check)
        if code < 0:
            raise Unavailable(f"check was ended by {signal.Signals(-code).name}: {_line(self.check)}{output}")
        return code == 0

    def take_back(self) -> str:
        """What was wrong with `undo`; empty when nothing was. Raises: Unavailable."""
        code, output = self.call(self.undo)
        return f"undo exited with {code}{output}" if code != 0 else ""

    def end_run(self) -> None:
        """`run` leads a session, which goes as a whole; what it has left behind in others on purpose is for `undo`."""
        mark = f"{MARK}={self.mark}".encode()
        for path in Path("/proc").glob("[0-9]*") if self.mark else ():
            pid = int(path.name)
            try:
                if os.getsid(pid) == pid and mark in (path / "environ").read_bytes().split(b"\0"):
                    os.killpg(pid, signal.SIGKILL)
            except OSError:  # gone by now, or another user's
                continue

    def call(self, words: tuple[str, ...], more: dict[str, str] | None = None) -> tuple[int, str]:
        """Run a program, never through a shell. Returns its exit code and `: the end of what it printed`, if anything.

        It has a session of its own: a Ctrl-C for the runner is not for it. Raises: Unavailable.
        """
        import subprocess
        import tempfile

        # A file, not a pipe: a child that stays behind would keep a pipe open, and waiting for its end would hang.
        with tempfile.TemporaryFile() as printed:
            options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": printed, "stderr": subprocess.STDOUT}
            try:
                started = subprocess.Popen(
                    words, env=self.env | (more or {}), cwd=self.folder, start_new_session=True, **options
                )
            except OSError as cause:
                raise Unavailable(f"cannot run {_line(words)}: {cause.strerror or cause}") from cause
            try:
                code = started.wait(float(self.timeout))
            except subprocess.TimeoutExpired as cause:
                raise Unavailable(f"took longer than {self.timeout}: {_line(words)}") from cause
            finally:
                if started.returncode is None:
                    os.killpg(started.pid, signal.SIGKILL)
                    started.wait()
            # Only its end: a program may print more than there is memory for.
            printed.seek(max(0, printed.seek(0, os.SEEK_END) - OUTPUT_BYTES))
            text = printed.read(OUTPUT_BYTES).decode(errors="replace").strip()
        return code, f": {text[-OUTPUT_CHARS:]}" if text else ""


def _line(words: tuple[str, ...]) -> str:
    import shlex

    return shlex.join(words)
