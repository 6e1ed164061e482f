"""What all faults on links have in common."""

from __future__ import annotations

from typing import ClassVar, Literal

from chaos.model.base import Noun
from chaos.model.fault import ActsOn
from chaos.model.platform import LinkShaper

# Toxiproxy's words: upstream is from the one that dials to the one that answers, downstream is the way back.
Stream = Literal["upstream", "downstream"]


class LinkFault(Noun):
    """A fault on one link proxy."""

    needs: ClassVar[type] = LinkShaper
    acts_on: ClassVar[ActsOn] = "link"
