"""What can be wrong with a store, as one line that says what to do about it."""

from __future__ import annotations

from chaos.errors import Refused, SaleproofError, Unavailable, UsageError


class StoreError(SaleproofError):
    """The recorded runs cannot be read or written."""


class DamagedStore(StoreError):
    """What is recorded there cannot be understood: a bad file, not an error of ours."""

    exit_code = 65


class NoStore(UsageError):
    """There is none where somebody wants to read one."""

    def __init__(self, where: str) -> None:
        super().__init__(f"there is no store at {where}; a run makes one, see SALEPROOF_STORE")


def explained(cause: BaseException, where: str) -> SaleproofError:
    """The error to raise for whatever the database library raised."""
    text = str(getattr(cause, "orig", None) or cause).strip().splitlines()[0] if str(cause) else type(cause).__name__
    lowered = text.lower()
    if "locked" in lowered:
        return Refused(f"the store {where} is locked by another program; close it, or say SALEPROOF_STORE=FILE")
    if "full" in lowered or "no space" in lowered:
        return StoreError(f"the disk of the store {where} is full; make room, or say SALEPROOF_STORE=FILE")
    if "malformed" in lowered or "not a database" in lowered or "file is encrypted" in lowered:
        return DamagedStore(f"the store {where} is damaged ({text}); move it away, and a new one is made")
    if "readonly" in lowered or "read-only" in lowered or "unable to open" in lowered or "permission" in lowered:
        return StoreError(f"the store {where} cannot be written ({text}); say SALEPROOF_STORE=FILE")
    if "connect" in lowered or "resolve host" in lowered:
        return Unavailable(f"the store {where} does not answer: {text}")
    return StoreError(f"the store {where}: {text}")
