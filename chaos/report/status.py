"""`saleproof status` as text: services, links, and the faults that are on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chaos.model.platform import Inventory
from chaos.report.paint import WIDTH, Page, columns


def render(
    inventory: Inventory, faults: Sequence[dict[str, Any]], bare: Sequence[str] = (), *, width: int = WIDTH,
    colour: bool | None = None,
) -> str:  # fmt: skip
    """`faults` have `kind`, `where`, `on` (None: it could not be asked) and perhaps `text`. `bare` are the links
    without a fault proxy."""
    page = Page(width)
    page.line((f"{inventory.variant} on {inventory.platform}", "bold"), (f"  {inventory.endpoint}", "dim"))
    page.gap()
    page.line(("services", "bold"))
    instances = [i for i in inventory.instances.values() if i.state != "spare"]
    spare = [i.name for i in inventory.instances.values() if i.state == "spare"]
    rows = [
        (
            i.name, i.state if i.healthy or i.state != "running" else "running, not ready", i.address,
            f"pid {i.pid}" if i.pid else i.what, f"{i.restarts} restarts" if i.restarts else "",
        )
        for i in instances
    ]  # fmt: skip
    for instance, text in zip(instances, columns(rows) if rows else [], strict=True):
        page.line(("● " if instance.healthy else "○ ", "green" if instance.healthy else "bold red"), text)
    if spare:
        page.wrapped(f"spare: {', '.join(spare)}", "dim", indent=2)
    page.gap()
    page.line(("links", "bold"), (f"  fault proxy {inventory.proxy_api}" if inventory.proxy_api else "", "dim"))
    proxies = [p for p in inventory.proxies.values() if p.client not in spare and p.server not in spare]
    for text in columns([(p.name, p.listen, f"-> {p.upstream}") for p in proxies]) if proxies else []:
        page.line(f"  {text}")
    for name in bare:
        page.line(f"  {name}", ("  not attached: no fault proxy is on it", "dim"))
    page.gap()
    page.line(("faults", "bold"))
    if not faults:
        page.line("  none")
    for fault in faults:
        state = {True: "ON", False: "gone", None: "could not be asked"}[fault.get("on", True)]
        style = "green" if fault.get("on", True) is False else "bold red"
        page.wrapped(f"{fault.get('kind', '')} {fault.get('where', '')}  {fault.get('text') or ''}".rstrip(), indent=2,
                     first="!", first_style=style)  # fmt: skip
        page.line("    ", (state, style))
    return page.show(colour=colour)
