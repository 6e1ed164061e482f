"""What a target's file promises to be there, for planning before anything is up."""

from __future__ import annotations

from chaos.model.experiment import Experiment
from chaos.model.platform import Instance, Inventory, Proxy
from chaos.model.target import Target

# What each platform can do; it says the same of itself once it is up, and a test compares the two. What depends on the
# engine's kernel is found out there.
PLANNED = {
    "embedded": frozenset({"LinkShaper", "Killable", "Pausable"}),
    "compose": frozenset({
        "LinkShaper", "Killable", "Pausable", "NetworkShaper", "PacketMangler", "ResourceShaper", "DiskShaper",
    }),
}  # fmt: skip


def platforms_for(experiment: Experiment) -> tuple[str, ...]:
    """Those on which its faults can be planned at all; what users and the traffic bring themselves is everywhere."""
    needed = {type(spec.fault).needs.__name__ for step in experiment.method for spec in step.faults}
    return tuple(name for name, offered in PLANNED.items() if needed <= offered | {"TrafficShaper", "Anything"})


def planned_inventory(target: Target, variant: str, platform: str) -> Inventory:
    """Every slot of every service, and a proxy for each pair that a link joins; addresses are not known yet."""
    instances = {
        name: Instance(name=name, service=service.name, state="running" if n < service.count else "spare")
        for service in target.services.values()
        for n, name in enumerate(service.instances())
    }
    proxies = {
        f"{client} -> {server}": Proxy(
            name=f"{client} -> {server}", client=client, server=server, link=link, listen="", upstream=""
        )
        for link in target.links.values()
        for client in target.services[link.source].instances()
        for server in target.services[link.dest].instances()
    }
    return Inventory(
        platform=platform, endpoint="", variant=variant, instances=instances, proxies=proxies,
        capabilities=PLANNED[platform],
    )  # fmt: skip
