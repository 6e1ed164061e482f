"""From a target file to what runs: every instance with its ports, arguments and environment, and every link's proxy."""

from __future__ import annotations

import os
import pwd
import sys
import uuid
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from chaos.errors import SpecError, nearest
from chaos.model.platform import Proxy
from chaos.model.target import Embedded, ProcessService, Ready, Restart, Target
from chaos.platforms.embedded.layout import Folder
from chaos.platforms.embedded.ports import Reservation, reserve
from chaos.platforms.embedded.records import FAULT_PROXY, Resolved, Spec
from chaos.platforms.template import fill, named_ports
from chaos.proc import boot_id
from chaos.units import Duration

# Every process of a target inherits these: by them it is found, whoever its parent is by then.
STATE_VARIABLE = "SALEPROOF_TARGET_STATE"
INSTANCE_VARIABLE = "SALEPROOF_INSTANCE"


def embedded(target: Target) -> Embedded:
    """The `platforms.embedded` part. Raises: SpecError when there is none, or it and `services` do not agree."""
    part = target.platforms.embedded
    path = target.path or None
    if part is None:
        raise SpecError(f"the target '{target.name}' has no platforms.embedded: it cannot run here", path=path)
    where = "platforms.embedded.services"
    for name in target.services:
        if name not in part.services:
            raise SpecError(f"{where}: the service '{name}' is missing", path=path)
    for name, service in part.services.items():
        if name == FAULT_PROXY:
            raise SpecError(f"{where}: '{FAULT_PROXY}' is the platform's own; choose another name", path=path)
        if name not in target.services:
            raise SpecError(f"{where}: unknown service '{name}'.{nearest(name, target.services)}", path=path)
        for other in service.after:
            if other not in target.services:
                hint = nearest(other, target.services)
                raise SpecError(f"{where}.{name}.after: unknown service '{other}'.{hint}", path=path)
    try:
        TopologicalSorter({name: service.after for name, service in part.services.items()}).prepare()
    except CycleError as cause:
        circle = " -> ".join(reversed(cause.args[1]))
        raise SpecError(f"{where}: `after` goes round in a circle: {circle}", path=path) from None
    return part


def check(target: Target, variant: str) -> Embedded:
    """What can be said before anything is started. Raises: SpecError."""
    part = embedded(target)
    if variant not in target.variants:
        hint = nearest(variant, target.variants)
        raise SpecError(f"variants: unknown variant '{variant}'.{hint}", path=target.path or None)
    for name, link in target.links.items():
        for end in (link.source, link.dest):
            if end not in target.services:
                hint = nearest(end, target.services)
                raise SpecError(f"links: {name}: unknown service '{end}'.{hint}", path=target.path or None)
    return part


def resolve(target: Target, variant: str, folder: Folder) -> tuple[Resolved, Reservation]:
    """Fill in everything. The reservation holds the ports and is the caller's to close. Raises: SpecError."""
    part = check(target, variant)
    names = {name: named_ports(_texts(part, service)) for name, service in part.services.items()}
    places = [(name, instance) for name, service in target.services.items() for instance in service.instances()]
    pairs = [
        (client, server, link)
        for link in target.links.values()
        for client in target.services[link.source].instances()
        for server in target.services[link.dest].instances()
    ]
    reservation = reserve(sum(1 + len(names[service]) for service, _ in places) + len(pairs) + bool(pairs))
    try:
        free = iter(reservation.ports)
        main = {instance: next(free) for _, instance in places}
        named = {instance: {name: next(free) for name in names[service]} for service, instance in places}
        proxies = tuple(
            Proxy(
                name=f"{client} -> {server}",
                client=client,
                server=server,
                link=link,
                listen=f"127.0.0.1:{next(free)}",
                upstream=f"127.0.0.1:{main[server]}",
            )
            for client, server, link in pairs
        )
        shared = _shared(target, variant, main)
        proxy_port = next(free) if pairs else 0
        resolved = Resolved(
            up=uuid.uuid4().hex,
            boot_id=boot_id(),
            target=target.name,
            variant=variant,
            path=str(Path(target.path).absolute()) if target.path else "",
            instances=tuple(
                _spec(target, part, folder, shared, proxies, service, instance, main[instance], named[instance])
                for service, instance in places
            ),
            proxies=proxies,
            proxy_port=proxy_port,
            proxy_run=_proxy_run(part, folder, proxy_port, target.path),
            sql={
                name: fill(text, shared, where=f"platforms.embedded.sql.{name}", path=target.path)
                for name, text in part.sql.items()
            },
        )
    except BaseException:
        reservation.close()
        raise
    return resolved, reservation


# Ours. A target file may name another one that speaks Toxiproxy's API, such as Shopify's own.
FAULT_PROXY_RUN = (
    "{python}", "-m", "chaos.proxy.server", "--host", "127.0.0.1", "--port", "{port}", "--config", "{config}",
)  # fmt: skip


def _proxy_run(part: Embedded, folder: Folder, port: int, path: str) -> tuple[str, ...]:
    values = {"python": sys.executable, "port": str(port), "config": str(folder.proxies)}
    where = "platforms.embedded.fault-proxy"
    return tuple(fill(word, values, where=where, path=path) for word in part.fault_proxy or FAULT_PROXY_RUN)


def proxy_spec(resolved: Resolved, folder: Folder) -> Spec:
    """The fault proxy as an instance: always restarted, with the same ports and configuration."""
    return Spec(
        name=FAULT_PROXY,
        service=FAULT_PROXY,
        run=resolved.proxy_run,
        env=environment(folder, FAULT_PROXY, Path(__file__).parents[3]),
        port=resolved.proxy_port,
        ready=Ready(tcp=False, http="/version"),
        restart=Restart(policy="always", backoff=Duration(0.1)),
    )


def shared_values(resolved: Resolved) -> dict[str, str]:
    """The variables that mean the same everywhere in a target: `{python}`, `{variant}` and `{direct:SERVICE}`."""
    main = {spec.name: spec.port for spec in resolved.instances}
    services = {name: [s.name for s in resolved.instances if s.service == name] for name in resolved.services()}
    return _values(resolved.variant, services, main)


def _shared(target: Target, variant: str, main: Mapping[str, int]) -> dict[str, str]:
    return _values(variant, {name: list(s.instances()) for name, s in target.services.items()}, main)


def _values(variant: str, services: Mapping[str, list[str]], main: Mapping[str, int]) -> dict[str, str]:
    values = {"python": sys.executable, "variant": variant}
    for name, instances in services.items():
        values[f"direct:{name}"] = ",".join(f"127.0.0.1:{main[instance]}" for instance in instances)
    return values


def _texts(part: Embedded, service: ProcessService) -> list[str]:
    texts = [*service.run, *service.env.values(), *part.env.values()]
    return texts + [text for text in (service.ready.http, service.ready.postgres) if text]


def _spec(
    target: Target,
    part: Embedded,
    folder: Folder,
    shared: Mapping[str, str],
    proxies: tuple[Proxy, ...],
    service: str,
    instance: str,
    port: int,
    ports: dict[str, int],
) -> Spec:
    said = part.services[service]
    declared = target.services[service]
    index = declared.instances().index(instance) + 1
    values = {
        **shared,
        "port": str(port),
        "instance": instance,
        "index": str(index),
        "state": str(folder.work(instance)),
        **{f"port:{name}": str(number) for name, number in ports.items()},
    }
    for proxy in proxies:
        if proxy.client == instance:
            key = f"link:{proxy.link.dest}"
            values[key] = f"{values[key]},{proxy.listen}" if key in values else proxy.listen
    where = f"platforms.embedded.services.{service}"

    def filled(text: str, key: str, base: str = where) -> str:
        return fill(text, values, where=f"{base}.{key}", path=target.path)

    own = {key: filled(text, f"env.{key}", "platforms.embedded") for key, text in part.env.items()}
    own |= {key: filled(text, f"env.{key}") for key, text in said.env.items()}
    # The folder that holds `targets/`: `python -m targets.shop.web` works from any working directory.
    package = Path(target.path).absolute().parent.parent if target.path else None
    ready = said.ready
    return Spec(
        name=instance,
        service=service,
        run=tuple(filled(word, "run") for word in said.run),
        env={**environment(folder, instance, package), **own, **_marks(folder, instance)},
        port=port,
        ports=ports,
        after=tuple(name for other in said.after for name in target.running(other)),
        ready=Ready(
            tcp=ready.tcp,
            http=None if ready.http is None else filled(ready.http, "ready.http"),
            postgres=None if ready.postgres is None else filled(ready.postgres, "ready.postgres"),
            redis=ready.redis,
        ),
        start_within_s=float(said.start_within),
        stop_within_s=float(said.stop_within),
        stop_signal=said.stop_signal,
        restart=said.restart,
        spare=index > declared.count,
    )


def environment(folder: Folder, instance: str, package: Path | None) -> dict[str, str]:
    """Little, and the same for everybody: what a person has in their shell must not change a verdict."""
    clean = {
        "PATH": os.environ.get("PATH") or os.defpath,
        "HOME": os.environ.get("HOME") or pwd.getpwuid(os.geteuid()).pw_dir,
        "LANG": os.environ.get("LANG") or "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
    }
    if package is not None:
        clean["PYTHONPATH"] = str(package)
    return {**clean, **_marks(folder, instance)}


def _marks(folder: Folder, instance: str) -> dict[str, str]:
    return {STATE_VARIABLE: str(folder.path), INSTANCE_VARIABLE: instance}
