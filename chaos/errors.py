"""The error tree, with the exit code of each.

    SaleproofError                  70   an internal error, or a crash
    ├── UsageError                  64   the command line is wrong
    ├── SpecError                   65   a file is wrong; carries file, line and column
    │   ├── SpecErrors              65   several things are wrong with it, one line each
    │   └── PlanError               65   the file is right, and what it asks for cannot be done on this target
    │       ├── PlanErrors          65   several of them
    │       ├── Undecidable          2   the run could not tell whether its hypothesis holds
    │       │   └── UndecidableAll   2   several sentences of it
    │       └── Unsupported         69   the platform lacks a capability that a fault needs
    ├── Unavailable                 69   a platform or a service that is needed does not answer
    ├── Refused                     75   not now: halted, not armed, busy, an open ledger, the other variant is up
    ├── RevertFailed                 3   a fault may still be in place
    └── Interrupted                130   a person or a signal ended it

A message says where, what was got, what is allowed, the nearest valid word and the next step, on one line where it can.
"""

from __future__ import annotations

# Not from typing, which takes 3 ms to import: `saleproof --help` is to be quick.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from typing import ClassVar


class SaleproofError(Exception):
    """Something a person should read: one clear message, and an exit code of DESIGN's table."""

    exit_code: ClassVar[int] = 70


class UsageError(SaleproofError):
    """The command line asks for something that does not exist."""

    exit_code = 64


class SpecError(SaleproofError):
    """A file is wrong. `str()` is `path:line: message`; line and column count from 1."""

    exit_code = 65

    def __init__(
        self,
        message: str,
        *,
        path: str | Path | None = None,
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        self.message = message
        self.path = None if path is None else str(path)
        self.line = line
        self.column = column
        where = ":".join(str(part) for part in (self.path, self.line) if part is not None)
        super().__init__(f"{where}: {message}" if where else message)


class SpecErrors(SpecError):
    """Several things are wrong. `errors` are all of them; `str()` has one line for each."""

    def __init__(self, errors: Sequence[SpecError]) -> None:
        first = errors[0]
        super().__init__(first.message, path=first.path, line=first.line, column=first.column)
        self.errors: tuple[SpecError, ...] = tuple(errors)
        self.args = ("\n".join(str(error) for error in self.errors),)


class PlanError(SpecError):
    """The file is right, and what it asks for cannot be done on this target. Nothing was touched."""


class PlanErrors(SpecErrors, PlanError):
    """Several things that cannot be done as the file asks."""


class Undecidable(PlanError):
    """A window has too few samples to decide a condition. The message says what it would take."""

    exit_code = 2


class UndecidableAll(PlanErrors, Undecidable):
    """Several that cannot be decided."""


class Unsupported(PlanError):
    """The platform lacks a capability that a fault needs."""

    exit_code = 69


class Unavailable(SaleproofError):
    """A platform, a service or a control API that is needed does not answer."""

    exit_code = 69


class Refused(SaleproofError):
    """Not now. Nothing was touched."""

    exit_code = 75


class RevertFailed(SaleproofError):
    """A fault may still be in place. The message says which, and how to remove it by hand."""

    exit_code = 3


class Interrupted(SaleproofError):
    """A person or a signal ended the run; everything was reverted."""

    exit_code = 130


# Below this likeness (0 to 1) a word is another one, not a typing error.
CUTOFF = 0.55


def nearest(word: str, known: Iterable[str]) -> str:
    """` Did you mean 'latency'? Known: ...` for an unknown word; an empty string where nothing is known."""
    import difflib

    words = sorted(set(known))
    if not words:
        return ""
    close = difflib.get_close_matches(word, words, n=1, cutoff=CUTOFF)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    return f"{hint} Known: {', '.join(words)}."
