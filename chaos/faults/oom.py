"""`oom`: a service that the kernel kills for want of memory."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from chaos.errors import RevertFailed, Unavailable
from chaos.faults.shared.container import Contained, ContainerFault, Containers, Inside
from chaos.faults.shared.service import DOWN, bring_up
from chaos.model.fault import Evidence, Undo
from chaos.model.platform import ResourceShaper
from chaos.platforms import service_control

KILLED_WITHIN_S = 15.0
# `inject` returns once the process is dead. That reaches the engine by one way, and the kernel's word for why by
# another, in either order.
TOLD_WITHIN_S = 10.0
LOOK_AGAIN_S = 0.1


class Oom(ContainerFault):
    """The kernel's out-of-memory killer ends the service's main process; the service's restart policy may act."""

    kind: ClassVar[str] = "oom"
    needs: ClassVar[type] = ResourceShaper
    lasts: ClassVar[bool] = False
    told_apart: ClassVar[bool] = False
    example: ClassVar[str] = "oom: {service: web, for: 20s}"

    def look(self, inside: Inside, mark: str) -> dict[str, Any]:
        try:
            score = inside.call("oom", action="look", mark=mark)
        except Unavailable as cause:
            raise Unavailable(f"{cause}; without a limit the whole machine's would have to be used up") from cause
        return {"score": score, "told": inside.told("oom")}

    def disturb(self, inside: Inside, held: Contained) -> None:
        inside.call("oom", action="kill", mark=held.mark, within_s=KILLED_WITHIN_S)

    def confirm(self, undo: Undo, platform: Containers) -> Evidence:
        """The container's life of before has ended, and the engine was told by the kernel that it was for memory."""
        held = Contained.of(undo)
        inside = held.inside()
        until_s = time.monotonic() + TOLD_WITHIN_S
        while (lives := inside.lives()) and time.monotonic() < until_s:
            time.sleep(LOOK_AGAIN_S)
        if lives:
            return Evidence(confirmed=False, text=f"{held.before.what} still runs")
        while (told := inside.told("oom") - held.facts["told"]) <= 0 and time.monotonic() < until_s:
            time.sleep(LOOK_AGAIN_S)
        now = service_control(held.control).instance(undo.where)
        after = "running again" if now.state == "running" else f"now {now.state}"
        if told <= 0:
            return Evidence(confirmed=False, text=f"{held.before.what} ended, but not for want of memory; {after}")
        return Evidence(confirmed=True, text=f"the kernel ended {held.before.what} for want of memory; {after}")

    @classmethod
    def take_back(cls, inside: Inside, held: Contained) -> bool:
        score = held.facts["score"]
        return bool(inside.call("oom", action="restore", mark=held.mark, score=score) != score)

    @classmethod
    def is_there(cls, inside: Inside, held: Contained) -> bool:
        return bool(inside.call("oom", action="look", mark=held.mark) != held.facts["score"])

    @classmethod
    def revert(cls, undo: Undo) -> None:
        """It runs and is healthy again, by its restart policy or started here; and is not the kernel's first choice."""
        super().revert(undo)
        try:
            control = service_control(Contained.of(undo).control)
            if control.exists():
                bring_up(control, undo.where)
        except Unavailable as cause:
            raise RevertFailed(
                f"oom on {undo.where}: it may still be down: {cause}. Start it by hand: saleproof up"
            ) from cause

    @classmethod
    def is_present(cls, undo: Undo) -> bool:
        """Is it down, or still marked? It is neither once its restart policy has brought it back."""
        control = service_control(Contained.of(undo).control)
        if not control.exists():
            return False
        return control.instance(undo.where).state in DOWN or super().is_present(undo)
