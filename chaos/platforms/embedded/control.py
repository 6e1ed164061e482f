"""The services of a target that is up, from any process: `ServiceControl` over the supervisor's socket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chaos.errors import Unavailable
from chaos.model.lease import Lease, Renewal
from chaos.model.platform import Instance
from chaos.platforms.embedded.launch import connect, what_is_up
from chaos.platforms.embedded.layout import Folder
from chaos.platforms.embedded.records import Resolved
from chaos.platforms.embedded.wire import Answer, Request, Status, Verb

ANSWERS_WITHIN_S = 10.0  # beyond what the service itself is allowed


class EmbeddedControl:
    """Made from the data of `EmbeddedPlatform.control()`.

    A supervisor that has died is replaced first. Every call raises Unavailable when it cannot be done, and its
    subclass `Gone` when the target is not up any more, or was taken down and brought up anew since the data was made.
    """

    def __init__(self, control: dict[str, Any]) -> None:
        self._folder = Folder(Path(control["state"]))
        self._up: str | None = control.get("up")

    def exists(self) -> bool:
        """Is the target still up? False means that no fault of it can be in place."""
        resolved = what_is_up(self._folder)
        return resolved is not None and self._up in (None, resolved.up)

    def instance(self, name: str) -> Instance:
        """As it is now, its health measured now. Raises: KeyError, Unavailable."""
        return self.statuses(name)[0].instance

    def statuses(self, name: str = "") -> tuple[Status, ...]:
        """All instances, and `fault-proxy`, or one of them, with a line about each. Raises: KeyError, Unavailable."""
        return self._ask("status", name).statuses

    def crash(self, name: str, *, lease: str = "") -> None:
        self._ask("crash", name, lease=lease)

    def kill(self, name: str, *, lease: str = "") -> None:
        self._ask("kill", name, lease=lease)

    def stop(self, name: str, *, lease: str = "") -> None:
        self._ask("stop", name, lease=lease)

    def start(self, name: str) -> None:
        self._ask("start", name)

    def restart(self, name: str, *, lease: str = "") -> None:
        self._ask("restart", name, lease=lease)

    def pause(self, name: str, *, lease: str = "") -> None:
        self._ask("pause", name, lease=lease)

    def unpause(self, name: str) -> None:
        self._ask("unpause", name)

    def scale(self, service: str, count: int) -> None:
        """So many instances of the service run and are ready; its other slots are spare."""
        self._ask("scale", service, count)

    def renew_lease(self, lease: Lease) -> Renewal:
        answer = self._ask("lease", lease=lease.id, ttl_s=lease.ttl_s)
        if answer.lease is None:
            raise Unavailable("the supervisor did not say what became of the lease")
        return answer.lease

    def release_lease(self, name: str) -> None:
        self._ask("release", lease=name)

    def _ask(self, verb: Verb, name: str = "", count: int = 0, *, lease: str = "", ttl_s: float = 0.0) -> Answer:
        resolved = what_is_up(self._folder)
        within_s = ANSWERS_WITHIN_S + (0.0 if resolved is None else _allowed_s(resolved, name))
        request = Request(verb=verb, name=name, count=count, lease=lease, ttl_s=ttl_s)
        try:
            answer = self._exchange(request, within_s)
        except (OSError, EOFError) as cause:
            # It died while it was asked. All but a crash may be done twice: the next one is asked the same.
            if verb == "crash":
                raise Unavailable(f"crash {name}: {cause}; whether it was done is not known") from cause
            try:
                answer = self._exchange(request, within_s)
            except (OSError, EOFError) as again:
                raise Unavailable(f"{verb} {name}: {again}, twice; whether it was done is not known") from again
        if answer.unknown:
            raise KeyError(answer.error)
        if answer.error:
            raise Unavailable(answer.error)
        return answer

    def _exchange(self, request: Request, within_s: float) -> Answer:
        """Raises: OSError, EOFError when the supervisor dies meanwhile; Unavailable."""
        connection = connect(self._folder, self._up)
        try:
            connection.ask(request)
            return connection.answer(within_s)
        except TimeoutError:
            raise Unavailable(
                f"{request.verb} {request.name}: the supervisor gives no answer for {within_s:g} s"
            ) from None
        finally:
            connection.close()


def _allowed_s(resolved: Resolved, name: str) -> float:
    """What the instance, or the slowest of the service, may take to stop and to start."""
    found = [spec for spec in resolved.instances if name in (spec.name, spec.service)]
    return max((spec.stop_within_s + spec.start_within_s for spec in found), default=0.0)
