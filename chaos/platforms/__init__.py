"""Where targets run. The registry of platforms; each is imported only when it is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chaos.errors import SpecError, Unavailable, UsageError, nearest
from chaos.model.platform import ContainerControl, Platform, Progress, ServiceControl, Station, silent

if TYPE_CHECKING:
    from chaos.model.target import Target

PLATFORMS: tuple[str, ...] = ("embedded", "compose")


def of_target(target: Target) -> tuple[str, ...]:
    """The platforms that its file describes. Raises: SpecError when there is none."""
    parts = {"embedded": target.platforms.embedded, "compose": target.platforms.compose}
    found = tuple(name for name in PLATFORMS if parts[name] is not None)
    if not found:
        raise SpecError(f"the target '{target.name}' names no platform: it cannot run", path=target.path or None)
    return found


def attach(
    target: Target, wanted: str | None = None, *, tell: Callable[[str], None] = lambda text: None
) -> Platform | None:
    """The target if it is up: on that platform; without one, on the first of compose and embedded where it is. `tell`
    is told of a Docker engine that could not be asked.

    Raises: UsageError for a platform that the target does not have; Unavailable.
    """
    if wanted:
        found: Platform | None = _kind(_checked(target, wanted)).attach(target)
        return found
    names = of_target(target)
    for name in reversed(names):
        try:
            found = _kind(name).attach(target)
        except Unavailable as cause:
            # A Docker engine that is broken, or far away, must not keep anybody from what needs none.
            if name == names[0]:
                raise
            tell(f"{name} was not looked at: {cause}")
            continue
        if found is not None:
            return found
    return None


def present(target: Target) -> tuple[str, ...]:
    """Those of its platforms that can be looked at from here: no Docker engine means that nothing of it is on one."""
    from chaos.platforms.compose.engine import may_answer, resolve

    return tuple(name for name in of_target(target) if name != "compose" or may_answer(resolve()))


def unseen(target: Target, wanted: str | None = None) -> str:
    """Why nobody can say whether it is up, in a sentence; empty where all of its platforms, or that one, can be looked
    at. Touches nothing. Raises: UsageError, Unavailable."""
    from chaos.platforms.compose.engine import may_answer, resolve

    names = (_checked(target, wanted),) if wanted else of_target(target)
    if "compose" not in names or may_answer(endpoint := resolve()):
        return ""
    return f"compose was not looked at: there is no Docker engine at {endpoint}"


def default(target: Target) -> str:
    """Where it is brought up when nobody says where: embedded, which needs nothing else, if its file describes that."""
    return of_target(target)[0]


def up(target: Target, variant: str, wanted: str | None = None, *, progress: Progress = silent) -> Platform:
    """Bring it up, and return once it is ready. Raises: UsageError, SpecError, Refused, Unavailable."""
    name = _checked(target, wanted) if wanted else default(target)
    found: Platform = _kind(name).up(target, variant, progress=progress)
    return found


def station(target: Target, name: str) -> Station | None:
    """Where that platform keeps what several machines must know of the target; None where it is one user's on one
    machine, and its state folder has it all. Raises: Unavailable."""
    if name != "compose":
        return None
    from chaos.platforms.compose.station import ComposeStation

    return ComposeStation.of(target)


def stations(target: Target, wanted: str | None = None) -> tuple[Station, ...]:
    """All that can be asked from here, of that platform or of all. Raises: Unavailable."""
    names = (wanted,) if wanted else of_target(target)
    found = (station(target, name) for name in names if not unseen(target, name))
    return tuple(one for one in found if one is not None)


def clean(target: Target, name: str) -> None:
    """Take down what there is of the target on that platform, whatever state it is in. Idempotent.

    Raises: Refused, Unavailable.
    """
    _kind(_checked(target, name)).clean(target)


def service_control(control: dict[str, Any]) -> ServiceControl:
    """The way to a target's services from any process, from the data of `Platform.control()`. Raises: Unavailable."""
    if control.get("platform") == "embedded":
        from chaos.platforms.embedded.control import EmbeddedControl

        return EmbeddedControl(control)
    if control.get("platform") == "compose":
        from chaos.platforms.compose.control import ComposeControl

        return ComposeControl(control)
    raise Unavailable(f"no way to control services on the platform {control.get('platform')!r}")


def container_control(control: dict[str, Any]) -> ContainerControl:
    """The same way, for what only containers allow. Raises: Unavailable, also where the services are none."""
    found = service_control(control)
    if not isinstance(found, ContainerControl):
        raise Unavailable(f"on the platform {control.get('platform')!r} services are not containers")
    return found


def _checked(target: Target, name: str) -> str:
    known = of_target(target)
    if name not in known:
        raise UsageError(f"the target '{target.name}' has no platform '{name}'.{nearest(name, known)}")
    return name


def _kind(name: str) -> Any:
    if name == "compose":
        from chaos.platforms.compose.platform import ComposePlatform

        return ComposePlatform
    from chaos.platforms.embedded.platform import EmbeddedPlatform

    return EmbeddedPlatform
