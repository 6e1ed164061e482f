"""What all faults on services have in common."""

from __future__ import annotations

from typing import ClassVar

from chaos.model.base import Noun
from chaos.model.fault import ActsOn
from chaos.model.platform import Killable


class ServiceFault(Noun):
    """A fault on one instance of a service."""

    needs: ClassVar[type] = Killable
    acts_on: ClassVar[ActsOn] = "service"
