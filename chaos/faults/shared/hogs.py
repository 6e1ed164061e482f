"""What the faults have in common that use up a service's resources by processes of our own in its cgroup."""

from __future__ import annotations

from chaos.faults.shared.container import Contained, ContainerFault, Inside


class HogFault(ContainerFault):
    """A subclass says what is used up, and how much."""

    def hog(self) -> tuple[str, int]:
        """The kind of chaos.agent.hogging, and the amount."""
        raise NotImplementedError

    def disturb(self, inside: Inside, held: Contained) -> None:
        kind, amount = self.hog()
        inside.call("hog", action="start", mark=held.mark, kind=kind, amount=amount)

    @classmethod
    def take_back(cls, inside: Inside, held: Contained) -> bool:
        return bool(inside.call("hog", action="stop", mark=held.mark))

    @classmethod
    def is_there(cls, inside: Inside, held: Contained) -> bool:
        return bool(inside.call("hog", action="there", mark=held.mark))
