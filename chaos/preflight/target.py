"""The target, as it is now: every service healthy, and nothing of an earlier experiment left on it."""

from __future__ import annotations

import time
from collections.abc import Callable

from chaos.errors import SaleproofError
from chaos.model.platform import Instance, Inventory
from chaos.platforms import reach
from chaos.preflight.finding import Finding, Level, ok, problem
from chaos.proxy.client import ToxiproxyClient
from chaos.proxy.values import ProxyState

ANEW = "bring it up anew: saleproof down, saleproof up"
# A service that a run before this one restarted may need so long until it answers again.
HEALTHY_WITHIN_S = 10.0
LOOK_EVERY_S = 0.5


def services(inventory: Inventory) -> Finding:
    """Every instance that is meant to run does, and answers."""
    check = "services"
    meant = [i for i in inventory.instances.values() if i.state != "spare"]
    held = [i for i in meant if i.state in ("paused", "stopped")]
    if held:
        return problem(
            check, f"left from before: {_states(held)}", f"unless you did that on purpose, {ANEW}", not_now=True
        )
    ill = [i for i in meant if i.state != "running" or not i.healthy]
    if ill:
        return problem(check, _states(ill), f"look at: saleproof logs {ill[0].name}")
    return ok(check, f"{len(meant)} instances run and answer")


def settled(look: Callable[[], Inventory], within_s: float = HEALTHY_WITHIN_S) -> Finding:
    """`services`, once none is starting or ill any more, or the time is up. What is paused or stopped stays so."""
    until_s = time.monotonic() + within_s
    while True:
        finding = services(look())
        if finding.level is Level.OK or finding.not_now or time.monotonic() >= until_s:
            return finding
        time.sleep(LOOK_EVERY_S)


def links(inventory: Inventory) -> Finding:
    """The fault proxy answers, has every link, and no link is disturbed."""
    check = "links"
    if not inventory.proxy_api and not inventory.proxies:
        return ok(check, "the target has none")
    found: dict[str, ProxyState] = {}
    try:
        for api in _apis(inventory):
            found |= ToxiproxyClient(api).proxies()
    except SaleproofError as error:
        return problem(check, f"the fault proxy does not answer: {error}", ANEW)
    missing = [name for name in inventory.proxies if name not in found]
    if missing:
        return problem(check, f"the fault proxy has no proxy for {', '.join(missing)}", ANEW)
    left = [words for state in found.values() if (words := _disturbed(state))]
    if left:
        return problem(
            check, f"left from before: {'; '.join(left)}", f"unless you did that on purpose, {ANEW}", not_now=True
        )
    return ok(check, f"{len(inventory.proxies)} fault proxies answer, none is disturbed")


def _apis(inventory: Inventory) -> set[str]:
    """The target's own fault proxy server, and each that was attached. Raises: Unavailable."""
    servers = {proxy.reach["server"]: proxy.reach for proxy in inventory.proxies.values() if "server" in proxy.reach}
    own = {inventory.proxy_api} if inventory.proxy_api else set()
    return own | {reach.api(inventory.proxy_api, one) for one in servers.values()}


def _disturbed(state: ProxyState) -> str:
    words = [] if state.enabled else ["is disabled"]
    if state.toxics:
        words.append("has " + ", ".join(f"{toxic.type} ({toxic.name})" for toxic in state.toxics))
    return f"{state.name} {' and '.join(words)}" if words else ""


def _states(instances: list[Instance]) -> str:
    return ", ".join(f"{i.name} is {'not healthy' if i.state == 'running' else i.state}" for i in instances)
