"""The embedded platform: bring a target up, find it again, look at it, take it down."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any, Self

import msgspec

from chaos.errors import Refused, SaleproofError, Unavailable, nearest
from chaos.model.base import to_json
from chaos.model.platform import Instance, Inventory, Progress, Proxy, silent
from chaos.model.target import Target
from chaos.platforms.embedded.control import EmbeddedControl
from chaos.platforms.embedded.down import take_down
from chaos.platforms.embedded.launch import connect, launch, what_is_up
from chaos.platforms.embedded.layout import Folder, locked, write
from chaos.platforms.embedded.logs import follow, tail
from chaos.platforms.embedded.records import FAULT_PROXY, Resolved
from chaos.platforms.embedded.resolve import check, resolve, shared_values
from chaos.platforms.embedded.wire import Request, Status
from chaos.platforms.template import fill
from chaos.state import state_dir

LOG_LINES = 8  # of a service that does not start


class EmbeddedPlatform:
    """A target that is up on this machine. Any number of processes may hold one."""

    name = "embedded"
    killable = True
    pausable = True

    def __init__(self, resolved: Resolved, folder: Folder, *, started: bool = False) -> None:
        self._resolved = resolved
        self._folder = folder
        self.started = started  # by this call of `up`, so that its caller may take it down again
        self._control = EmbeddedControl(self.control())

    # --- up and down

    @classmethod
    def up(cls, target: Target, variant: str, *, progress: Progress = silent) -> Self:
        """Bring the target up and return once every service is ready; at once where this variant is up already.

        Nothing is left of a start that failed or was interrupted, also by an exception out of `progress`.
        Raises: SpecError; Refused, when another variant is up or another process is at it; Unavailable, with the last
        log lines of the service that is not ready.
        """
        _needs_linux()
        check(target, variant)
        folder = Folder.of(target.name)
        with locked(folder, target.name):
            present = what_is_up(folder)
            if present is not None and present.variant != variant:
                raise Refused(
                    f"the target '{target.name}' is up as its variant '{present.variant}', not '{variant}'; "
                    "`saleproof down` takes it down first"
                )
            if present is not None:
                _wait_until_ready(present, folder, progress, fresh=False)
                return cls(present, folder)
            take_down(folder)  # what a reboot or a broken start left
            try:
                resolved = _start(target, variant, folder)
                _wait_until_ready(resolved, folder, progress, fresh=True)
            except BaseException:
                take_down(folder)
                raise
            return cls(resolved, folder, started=True)

    @classmethod
    def attach(cls, target: Target) -> Self | None:
        """The target if it is up, as whichever variant. Raises: Unavailable."""
        _needs_linux()
        folder = Folder.of(target.name)
        resolved = what_is_up(folder)
        return None if resolved is None else cls(resolved, folder)

    @classmethod
    def all_up(cls) -> tuple[Resolved, ...]:
        """Every target that is up for this user, whichever files describe them, by name."""
        found = (what_is_up(Folder(path)) for path in sorted(state_dir().glob("embedded/*")))
        return tuple(resolved for resolved in found if resolved is not None)

    @classmethod
    def clean(cls, target: Target) -> None:
        """Take down what there is of that target, whatever state it is in. Idempotent. Raises: Refused, Unavailable."""
        _needs_linux()
        folder = Folder.of(target.name)
        with locked(folder, target.name):
            take_down(folder)

    def down(self) -> None:
        """End every process, remove the data, keep the logs. Idempotent; another `up` since is left alone.

        Raises: Refused, Unavailable.
        """
        with locked(self._folder, self._resolved.target):
            present = self._folder.resolved()
            if present is None or present.up == self._resolved.up:
                take_down(self._folder)

    # --- what there is

    def inventory(self) -> Inventory:
        """What there is now. Raises: Unavailable."""
        instances = {status.instance.name: status.instance for status in self.statuses()}
        instances.pop(FAULT_PROXY, None)
        return Inventory(
            platform=self.name,
            endpoint=str(self._folder.socket),
            variant=self.variant,
            instances=instances,
            proxies={proxy.name: proxy for proxy in self._resolved.proxies},
            proxy_api=self.proxy_api,
            sql=dict(self._resolved.sql),
            capabilities=frozenset(
                {"Killable", "Pausable", "Anything"} | ({"LinkShaper"} if self.proxy_api else set())
            ),
        )

    def control(self) -> dict[str, Any]:
        return {
            "platform": self.name,
            "target": self._resolved.target,
            "state": str(self._folder.path),
            "up": self._resolved.up,
        }

    def instance(self, name: str) -> Instance:
        """As it is now. Raises: KeyError, Unavailable."""
        return self._control.instance(name)

    def statuses(self) -> tuple[Status, ...]:
        """All instances and the fault proxy, each with a line for people. Raises: Unavailable."""
        return self._control.statuses()

    def scale(self, service: str, count: int) -> None:
        """So many instances run. Raises: KeyError, Unavailable."""
        self._control.scale(service, count)

    def proxy(self, name: str) -> Proxy:
        """The proxy of that name (`web-1 -> db`). Raises: KeyError."""
        for proxy in self._resolved.proxies:
            if proxy.name == name:
                return proxy
        raise KeyError(f"no proxy '{name}'.{nearest(name, [proxy.name for proxy in self._resolved.proxies])}")

    @property
    def proxy_api(self) -> str:
        """host:port of the fault proxy's HTTP API; empty for a target without links."""
        return self._resolved.proxy_api

    @property
    def variant(self) -> str:
        return self._resolved.variant

    def entry_address(self, service: str) -> str:
        """host:port of the service's first instance, past the proxies: where customers come in. Raises: KeyError."""
        for spec in self._resolved.instances:
            if spec.service == service:
                return spec.address
        raise KeyError(f"no service '{service}'.{nearest(service, self._resolved.services())}")

    def entry_text(self, service: str) -> str:
        return f"http://{self.entry_address(service)}/"

    def fill(self, text: str, *, where: str) -> str:
        """Fill in `{python}`, `{variant}` and `{direct:SERVICE}`: for an invariant's command. Raises: SpecError."""
        return fill(text, shared_values(self._resolved), where=where, path=self._resolved.path)

    # --- what they said

    def logs(self, instance: str, lines: int = 50) -> list[str]:
        """The last lines of an instance, of `fault-proxy` or of `supervisor`. Raises: KeyError."""
        return tail(self._folder.log(self._logged(instance)), lines)

    def follow(self, instance: str, lines: int = 10) -> Iterator[str]:
        """The last lines, and those to come until the target goes down. Raises: KeyError."""
        for line in follow(self._folder.log(self._logged(instance)), lines=lines):
            if line:
                yield line
            elif not self._control.exists():
                return

    def logged(self) -> tuple[str, ...]:
        return (*(spec.name for spec in self._resolved.instances), FAULT_PROXY, "supervisor")

    def _logged(self, instance: str) -> str:
        known = self.logged()
        if instance not in known:
            raise KeyError(f"no instance '{instance}'.{nearest(instance, known)}")
        return instance


def _needs_linux() -> None:
    # A variable, so that type checkers do not take the rest of this file for unreachable elsewhere.
    system = sys.platform
    if system != "linux":
        raise Unavailable(
            f"the embedded platform needs Linux (it watches processes through pidfd and /proc), and this is {system}"
        )


def _start(target: Target, variant: str, folder: Folder) -> Resolved:
    """Write down what shall run and start the supervisor on it."""
    resolved, reservation = resolve(target, variant, folder)
    try:
        folder.make()
        for path in folder.logs.glob("*.log"):
            path.unlink()
        config = [
            {"name": proxy.name, "listen": proxy.listen, "upstream": proxy.upstream, "enabled": True}
            for proxy in resolved.proxies
        ]
        write(folder.proxies, msgspec.json.encode(config))
        write(folder.target, to_json(resolved))
        launch(folder, reservation.sockets)
    except OSError as cause:
        raise SaleproofError(f"cannot write {folder.path}: {cause.strerror}") from cause
    finally:
        reservation.close()
    return resolved


def _wait_until_ready(resolved: Resolved, folder: Folder, progress: Progress, *, fresh: bool) -> None:
    """Tell `progress` what becomes of each instance, until none is starting.

    Raises, when `fresh`: Unavailable for the first that does not get ready. Of a target that was up before, some may be
    down for a reason.
    """
    told: dict[str, str] = {}
    while True:
        connection = connect(folder, resolved.up)
        try:
            connection.ask(Request(verb="watch"))
            while True:
                statuses = connection.answer(within_s=3600).statuses
                for status in statuses:
                    if fresh and _is_lost(status):
                        raise Unavailable(_obituary(status, resolved, folder))
                    what = status.note or "waiting"
                    if status.instance.state != "spare" and told.get(status.instance.name) != what:
                        told[status.instance.name] = what
                        progress(status.instance.name, what)
                if not any(status.instance.state == "starting" and not status.late for status in statuses):
                    return
        except (EOFError, OSError):
            time.sleep(0.05)  # the supervisor died: another one takes over
        finally:
            connection.close()


def _is_lost(status: Status) -> bool:
    return status.instance.state in ("failed", "stopped") or (status.instance.state == "starting" and status.late)


def _obituary(status: Status, resolved: Resolved, folder: Folder) -> str:
    name = status.instance.name
    said = "\n".join(f"    {line}" for line in tail(folder.log(name), LOG_LINES))
    return f"{resolved.target}: {name} does not start: {status.note}" + (f"; its last lines:\n{said}" if said else "")
